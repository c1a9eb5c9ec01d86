"""The check of configurations under the names that this room uses; all of it lives in speakerssl/options.py."""

from speakerssl.options import check_keys, check_range, construct, named_arguments, renamed_option

__all__ = ["check_keys", "check_range", "construct", "named_arguments", "renamed_option"]
