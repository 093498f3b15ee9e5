"""One thread: the tests' networks are small, and results then do not depend on the number of cores."""

import torch

torch.set_num_threads(1)
