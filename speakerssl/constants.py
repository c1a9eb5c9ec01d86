"""What all waveforms here share: 16 kHz, and samples in the int16 range (Kaldi's convention)."""

SAMPLE_RATE = 16000  # Hz
FULL_SCALE = 32768.0  # the magnitude of a full-scale sample
