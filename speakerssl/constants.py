"""What several rooms agree on: 16 kHz, samples in the int16 range (Kaldi's convention), names of half recordings."""

SAMPLE_RATE = 16000  # Hz
FAILURE_FILE = "SPEAKERSSL_FAILURE_FILE"  # environment: where one of several processes leaves its error message
LAUNCHER = "SPEAKERSSL_LAUNCHER"  # environment: the process whose end ends the one that it started
FULL_SCALE = 32768.0  # the magnitude of a full-scale sample
# What `speakerssl validation` adds to a recording's id for each of the two halves that it cuts it into.
HALF_SUFFIXES = ("-enrol", "-test")
