"""How single operations, and those that were fused, are done on memory that is there. To import it declares them."""

from . import elementwise as elementwise
from . import linear as linear
