"""TensorFlow and Keras, imported without what they print.

TensorFlow writes a dozen lines about processors and missing graphics cards to the file descriptor
of standard error, before any of its own settings for that take effect.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["keras", "tf"]

os.environ["KERAS_BACKEND"] = "tensorflow"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    if sys.stderr is None:  # a program without a console
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _silence():
    import keras
    import tensorflow as tf

    tf.config.list_logical_devices()  # says on its first call which devices it did not find

# Every size, form and precision is traced once, as it must be: no warning above a sweep's results.
tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"styletransfer runs on Keras' TensorFlow backend, but Keras was started with "
        f"{keras.backend.backend()}; import styletransfer first, or set KERAS_BACKEND=tensorflow"
    )
