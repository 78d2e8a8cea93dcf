"""Tools for parameters and their gradients, under the names of ``torch.nn.utils``."""

from . import rnn as rnn
from .clip import clip_grad_norm_ as clip_grad_norm_
from .clip import clip_grad_value_ as clip_grad_value_
from .clip import clip_grads_with_norm_ as clip_grads_with_norm_
from .clip import get_total_norm as get_total_norm
from .normalizing import remove_spectral_norm as remove_spectral_norm
from .normalizing import remove_weight_norm as remove_weight_norm
from .normalizing import spectral_norm as spectral_norm
from .normalizing import weight_norm as weight_norm
from .vector import parameters_to_vector as parameters_to_vector
from .vector import vector_to_parameters as vector_to_parameters
