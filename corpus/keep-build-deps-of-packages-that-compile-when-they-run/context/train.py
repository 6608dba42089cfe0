import torch

torch.compile(torch.nn.Linear(1, 1))
