import subprocess
import sys

import numpy as np

from gnn.arrays import tensor_over


def frozen(array):
    array.flags.writeable = False
    return array


def test_it_is_the_memory_of_the_array():
    array = frozen(np.arange(5))
    tensor = tensor_over(array)
    assert tensor.tolist() == [0, 1, 2, 3, 4]
    assert tensor.data_ptr() == array.ctypes.data


def test_torch_does_not_complain():
    code = "import numpy as np; from gnn.arrays import tensor_over as t; a = np.ones(2); "
    code += "a.flags.writeable = False; t(a); t(a)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
