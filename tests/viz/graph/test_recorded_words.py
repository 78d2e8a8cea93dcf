"""What is written of each operation beside what was written before: ``tests/viz/stored/graphs/words_of_....txt``.

A line for each: its text in a box, formula, rules, shapes, settings, names of its inputs. To record them anew, delete
the file and run the test: it writes the file, and fails once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_cnn as tg
from tests.viz import recorded
from tinygrad_cnn import nn
from tinygrad_cnn.viz import draw_graph

F = nn.functional
UNARY = (
    "abs exp log sqrt rsqrt square sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid erf erfc "
    "expm1 log1p log2 log10 reciprocal lgamma digamma relu neg sign frac exp2 sinc logit positive "
)
EXPRESSIONS = {
    "one number": """
        x+1; 1+x; x-2; 2-x; x*3; 3*x; x/2; 1/x; x**2; x**0.5; 2**x; x**-1; -x; 1-(1-x); x.clamp(0.2,0.8);
        x.clamp(min=0); x.clamp(max=0.5); x+1000000; x*1.5e-7; x*True; x-0.5; x+(-1); (-x)**3; x*float("inf");
        x+2.0*y; x*0.1+0.3
    """,
    "two arrays": """
        x+y; x-y; x*y; x/y; x**y; tg.maximum(x,y); tg.minimum(x,y); tg.where(x>y,x,y); tg.where(x>0.5,x,0.0);
        tg.where(x>0.5,1.0,x); tg.atan2(x,y); tg.hypot(x,y); tg.fmod(x,y); tg.lerp(x,y,0.3); x+y*z; (x+y)*(x-y);
        x-(y-x); x/(y/x); (x*y)**2; -(x+y); x*y+y*x; tg.logaddexp(x,y); x.masked_fill(y>0.5,-1e9);
        tg.add(x,y,alpha=2); tg.sub(x,y,alpha=0.5); x+row; row*x; x-x; x+v; tg.addcmul(x,x,y,value=0.5)
    """,
    "dimensions": """
        x.sum(); x.sum(0); x.sum((0,1)); x.sum(1,keepdim=True); x.mean(); x.mean(-1); x.prod(); x.prod(1);
        x.amax(1); x.amin(0,keepdim=True); x.max(); x.max(1)[0]; x.min(); x.var(); x.var(1,correction=0); x.std(0);
        x.norm(); x.norm(p=1); x.norm(p=3,dim=1); x.logsumexp(1); x.cumsum(1); x.cumprod(0); tg.cummax(x,1)[0];
        x.sort(1)[0]; x.sort(1,descending=True)[0]; x.topk(2,1)[0]; x.median(); tg.softmax(x,0);
        tg.log_softmax(x,1); F.normalize(x,dim=1)
    """,
    "places": """
        x[0]; x[0,1]; x[:,1]; x[:,1:]; x[...,0]; x[None]; x[::2]; x[-1]; x[:,[0,2]]; x[x>0.5]; x.reshape(3,2);
        x.flatten(); x.T; x.transpose(0,1); x.permute(1,0); x.unsqueeze(0); x[None].squeeze(0); x.expand(4,2,3);
        tg.cat([x,y]); tg.cat([x,y,x],1); tg.stack([x,y],1); tg.stack([x,y]); x.split(2,1)[0]; x.chunk(2,0)[1];
        x.flip(0); x.flip((0,1)); x.roll(1,1); x.repeat(2,1); x.tril(); x.triu(1); x.diagonal(); x.gather(1,i);
        x.index_select(1,j); tg.rot90(x); x.clone(); x.double(); x.half().float(); F.pad(x,(1,2));
        F.pad(x,(1,1),value=3.0); F.pad(m,(1,1,1,1),mode="reflect"); x.unfold(1,2,1); tg.take(x,j);
        x.repeat_interleave(2,0); tg.movedim(m,1,3); x.scatter(1,i,y); x.index_add(1,j,y[:,:2]); tg.tile(x,(2,2));
        tg.diag(v); tg.outer(v,v); tg.broadcast_to(v,(2,3))
    """,
    "products": """
        x@w; w@v; v@v; b@b.transpose(1,2); F.linear(x,w.T); F.linear(x,w.T,v); tg.einsum("ij,jk->ik",x,w);
        tg.bmm(b,b); tg.dot(v,v); tg.linalg.inv(s); tg.linalg.det(s); tg.linalg.solve(s,v);
        tg.linalg.cholesky(s@s.T); tg.kron(w,w); F.bilinear(x,x,b[:1]); tg.cross(x,y,dim=1); tg.trace(s);
        tg.addmm(w,w,s)
    """,
    "layers": """
        F.conv2d(m,k); F.conv2d(m,k,padding=1); F.conv2d(m,k,stride=2,padding=(0,1)); F.conv2d(m,k,dilation=2);
        F.conv1d(m[:,:,0],k[:,:,0]); F.conv_transpose2d(m,k.transpose(0,1),stride=2); F.max_pool2d(m,2);
        F.max_pool2d(m,2,1); F.max_pool2d(m,(2,3),padding=1); F.avg_pool2d(m,2); F.avg_pool2d(m,3,2);
        F.adaptive_avg_pool2d(m,1); F.adaptive_max_pool2d(m,2); F.relu(x); F.relu6(x); F.leaky_relu(x);
        F.leaky_relu(x,0.3); F.elu(x); F.elu(x,2.0); F.selu(x); F.celu(x); F.gelu(x); F.gelu(x,approximate="tanh");
        F.silu(x); F.mish(x); F.softplus(x); F.softplus(x,beta=2); F.hardtanh(x); F.hardswish(x); F.hardsigmoid(x);
        F.softsign(x); F.tanhshrink(x); F.threshold(x,0.5,0.0); F.logsigmoid(x); F.glu(x.T.contiguous()[:2]);
        F.softmin(x,1); F.prelu(x,v); F.batch_norm(m,None,None,training=True); F.layer_norm(x,(3,));
        F.layer_norm(x,(3,),v,v,eps=1e-3); F.group_norm(m,1); F.instance_norm(m); F.rms_norm(x,(3,));
        F.local_response_norm(m,2); F.embedding(j,w); F.dropout(x,0.25); F.interpolate(m,scale_factor=2);
        F.interpolate(m,size=(3,3),mode="bilinear"); F.pixel_shuffle(m.reshape(1,8,4,4)[:,:4],2); F.unfold(m,2);
        F.scaled_dot_product_attention(b,b,b); F.cosine_similarity(x,y); F.one_hot(j,3)*v
    """,
    "losses": """
        F.mse_loss(x,y); F.l1_loss(x,y); F.smooth_l1_loss(x,y); F.huber_loss(x,y,delta=2.0); F.cross_entropy(x,j);
        F.cross_entropy(x,j,label_smoothing=0.1); F.cross_entropy(x,j,reduction="sum");
        F.cross_entropy(x,j,weight=v.detach()); F.nll_loss(F.log_softmax(x,1),j);
        F.binary_cross_entropy(x.sigmoid(),y.sigmoid()); F.binary_cross_entropy_with_logits(x,y.detach());
        F.kl_div(x,y.softmax(1)); F.hinge_embedding_loss(x,tg.ones(2,3)); F.cross_entropy(x,j,ignore_index=1);
        F.gaussian_nll_loss(x,y,y**2); F.poisson_nll_loss(x,y.detach())
    """,
}  # fmt: skip


def inputs() -> dict[str, Any]:
    tg.manual_seed(0)
    shapes = {"x": (2, 3), "y": (2, 3), "z": (2, 3), "row": (1, 3), "v": (3,), "w": (3, 3), "b": (2, 3, 3), "s": (3, 3),
              "m": (2, 4, 4, 4), "k": (4, 4, 2, 2)}  # fmt: skip
    values: dict[str, Any] = {}
    for n, (name, shape) in enumerate(shapes.items()):
        array = (np.resize(np.sin(np.arange(300.0) + n), shape) / 3 + 0.5).astype(np.float32)
        values[name] = tg.tensor(array + np.eye(3, dtype=np.float32) if name == "s" else array, requires_grad=True)
    return {**values, "i": tg.tensor([[0, 2, 1], [1, 1, 0]]), "j": tg.tensor([0, 2]), "tg": tg, "F": F}


def words(expression: str, given: dict[str, Any]) -> Iterator[str]:
    output = eval(expression, {}, given)  # of this file
    names = {name: t for name, t in given.items() if isinstance(t, tg.Tensor)}
    picture = draw_graph(output, names=names, plumbing=True).picture
    for box in picture.boxes:
        if box.kind in ("operation", "output"):
            said = (box.text, box.formula, box.rules, box.shape_rule, box.attributes, box.inputs, box.parts)
            yield f"{expression}: {box.label} {' | '.join(map(str, said))}"
        elif box.kind == "constant":
            yield f"{expression}: constant {box.label}"


@pytest.mark.parametrize("kind", ["functions", *EXPRESSIONS])
def test_it_is_written_as_it_was(kind: str) -> None:
    given, listed = inputs(), [f"tg.{name}(x)" for name in UNARY.split()]
    if kind != "functions":
        listed = [one.strip() for one in EXPRESSIONS[kind].split(";")]
    recorded.compare((line for one in listed for line in words(one, given)), "graphs", f"words of {kind}")
