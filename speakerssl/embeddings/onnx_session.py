"""onnxruntime sessions that behave: quiet, of so many threads, errors in one line."""

import os
from pathlib import Path
from typing import Any

from speakerssl.errors import InputError, JobError

CURE = "pip install onnxruntime"


def open_session(graph: str | Path | bytes, threads: int = 1) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU, of a file or of its bytes.

    Raises:
        JobError: onnxruntime is not installed.
        InputError: no ONNX file, or one that this onnxruntime does not know.
    """
    where = "the exported graph" if isinstance(graph, bytes) else str(graph)
    try:
        import onnxruntime
    except ImportError:
        raise JobError(f"{where}: running ONNX needs the package onnxruntime: {CURE}") from None
    if not isinstance(graph, bytes) and not os.path.isfile(graph):
        raise InputError(f"{where}: does not exist; `speakerssl export` writes it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = max(1, threads), 1
    options.log_severity_level = 3
    # Recordings have many lengths: memory planned for one shape does not fit the next.
    options.enable_mem_pattern = False
    try:
        given = graph if isinstance(graph, bytes) else os.fspath(graph)
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a dozen kinds, all of its own module
        raise InputError(f"{where}: cannot be run as ONNX: {str(error).splitlines()[0]}") from None
