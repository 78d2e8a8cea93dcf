"""Draws random programs for `tests.tensors.programs`: the same one from the same seed, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.tensors.programs import LARGEST, Account, Made, Run, Statement, compiled, snapshot, vague
from tests.tensors.reference import Jet, Library, Unfit

SHAPES = [(3,), (2,), (2, 3), (3, 2), (3, 3), (2, 2), (1, 3), (2, 1, 2), (1,), ()]
IN_PLACE = ("exp", "sin", "cos", "tanh", "sigmoid", "relu", "neg", "abs", "square", "sqrt", "reciprocal", "log", "zero")
STEEPEST = 1e4  # derivatives beyond it are not kept


class Maker:
    """A program in the making, with the reference's values of all its names so far."""

    def __init__(self, seed: int, writes: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.writes = writes
        self.program: list[Statement] = []
        self.second = self.chance(0.08)
        self.net = not self.second and self.chance(0.12)
        self.directions, self.order = 0, 2 if self.second else 1
        self.silent = False  # within a section without recording
        self.count = 0

    # ------------------------------------------------------------------------------------------------ chance
    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def choose(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def number(self, low: float = -1.5, high: float = 1.5) -> str:
        return repr(round(float(self.rng.uniform(low, high)), 2))

    def literal(self, shape: tuple[int, ...]) -> str:
        size = np.round(self.rng.uniform(0.3, 1.7, shape), 2) * np.where(self.rng.random(shape) < 0.35, -1, 1)
        return f"L.tensor({size.tolist()}, dtype=L.float64)"

    def mask(self, shape: tuple[int, ...]) -> str:
        return f"L.tensor({(self.rng.random(shape) < 0.5).tolist()})"

    def indices(self, n: int, count: int) -> str:
        if not n:
            raise Unfit("nothing to index")
        return f"L.tensor({self.rng.permutation(n)[:count].tolist()})"

    # ------------------------------------------------------------------------------------------------ names
    def tensors(self) -> list[tuple[str, Jet]]:
        return [(name, x) for name, x in self.names.items() if isinstance(x, Jet)]

    def pick(self, fits: Callable[[Jet], bool] = lambda _x: True) -> tuple[str, Jet]:
        """A tensor that fits, rather a late one."""
        found = [(name, x) for name, x in self.tensors() if fits(x)]
        if not found:
            raise Unfit("no such tensor")
        return found[-1 - min(int(self.rng.geometric(0.3)) - 1, len(found) - 1)]

    def operand(self, shape: tuple[int, ...], exact: bool = False) -> str:
        """Something that broadcasts to a shape: a name, a view of it, a number, a literal."""

        def fits(x: Jet) -> bool:
            try:
                return x.shape == shape or (not exact and np.broadcast_shapes(x.shape, shape) == shape)
            except ValueError:
                return False

        if self.chance(0.7):
            name, x = self.pick(fits)
            if x.ndim == 2 and x.shape[0] == x.shape[1] and self.chance(0.2):
                return f"{name}.t()"
            return name
        if self.chance(0.5) and not exact:
            return self.number()
        return self.literal(shape)

    def new(self, kind: str, expression: str) -> bool:
        """A statement that gives an expression a name."""
        name = f"v{self.count}"
        if self.add(kind, f"{name} = {expression}"):
            self.count += 1
            return True
        return False

    # ------------------------------------------------------------------------------------------------ statements
    def start(self) -> None:
        shapes = [(2, 1, 3, 3), (2, 1, 2, 2), (2, 2)] if self.net else []
        for _ in range(int(self.rng.integers(2, 5)) - len(shapes)):
            shapes.append(self.choose(SHAPES))
        if self.second:
            shapes = [self.choose(SHAPES[:3])] * 2
        wants = [k == 0 or self.chance(0.6) for k in range(len(shapes))]
        self.directions = sum(int(np.prod(s)) for s, w in zip(shapes, wants, strict=True) if w) + 6
        self.restart()
        for name, shape, wanted in zip("abcdef", shapes, wants, strict=False):
            values = self.literal(shape)
            text = f"{values[:-1]}, requires_grad=True)" if wanted else values
            if wanted and self.chance(0.2):
                text = f"L.nn.Parameter({values})"
            self.add("leaf", f"{name} = {text}")

    def restart(self) -> None:
        """Run what there is again: after a statement that was tried and not taken."""
        self.library = Library(self.directions, self.order)
        self.names: dict[str, Any] = {"L": self.library}
        self.refused: dict[int, Exception] = {}
        for k, statement in enumerate(self.program):
            try:
                exec(compiled(statement.source), self.names)
            except RuntimeError as error:
                self.refused[k] = error

    def add(self, kind: str, source: str) -> bool:
        """Take a statement into the program, if its outcome is defined, finite and of moderate size."""
        if self.silent:
            kind, source = f"{kind} (no_grad)", f"with L.no_grad(): {source}"
        try:
            exec(compiled(source), self.names)
            fits = self.moderate()
        except RuntimeError as error:  # a refusal is an outcome too, but one does not want many
            fits = kind.startswith("write") and self.chance(0.15)
            if fits:
                self.refused[len(self.program)] = error
        except (Unfit, ValueError, IndexError, ArithmeticError):
            fits = False
        if fits:
            self.program.append(Statement(kind, source))
        else:
            self.restart()
        return fits

    def moderate(self) -> bool:
        for name, x in self.tensors():
            for part, bound in zip(x.parts, (LARGEST, STEEPEST, STEEPEST), strict=False):
                if part.size and not np.abs(part).max() < bound and not (x.history.vague and part is x.parts[-1]):
                    return False
            del name
        return True

    def step(self) -> None:
        """One more statement of some kind, if the first try fits."""
        if self.silent or self.chance(0.06):
            self.silent = not self.silent if self.chance(0.5) else self.silent
        makers = [self.operation, self.view, self.write, self.read, self.alias]
        weights = np.array([0.3, 0.22, 0.36 if self.writes else 0.0, 0.07, 0.05])
        maker = makers[int(self.rng.choice(5, p=weights / weights.sum()))]
        try:
            with np.errstate(all="raise"):
                maker()
        except (Unfit, ValueError, IndexError, ArithmeticError):
            return

    def operation(self) -> None:
        p, x = self.pick()
        n = x.ndim
        d = int(self.rng.integers(n)) if n else 0
        forms: list[tuple[str, str]] = []
        for name in (
            "exp",
            "sin",
            "cos",
            "tanh",
            "sigmoid",
            "relu",
            "sqrt",
            "log",
            "abs",
            "square",
            "reciprocal",
            "clone",
            "neg",
        ):
            forms.append((name, f"{p}.{name}()"))
        forms += [("exp", f"L.exp({p})"), ("relu", f"L.relu({p})"), ("pow", f"{p} ** {self.choose((2, 3))}")]
        forms += [
            ("clamp", f"{p}.clamp(-0.5, 1.0)"),
            ("sum", f"{p}.sum()"),
            ("mean", f"{p}.mean()"),
            ("amax", f"{p}.max()"),
        ]
        q = self.operand(x.shape)
        arithmetic = [
            (name, f"{p} {sign} {q}") for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"))
        ]
        arithmetic += [("mul", f"{p} * {p}"), ("rsub", f"{self.number()} - {p}"), ("rdiv", f"{self.number()} / {p}")]
        forms += arithmetic * 3
        if n:
            forms += [("sum", f"{p}.sum({d})"), ("mean", f"{p}.mean({d}, True)"), ("amax", f"{p}.amax({d})")]
            forms += [
                ("max", f"{p}.max({d})[0]"),
                ("softmax", f"{p}.softmax({d})"),
                ("log_softmax", f"{p}.log_softmax({d})"),
            ]
            forms += [("logsumexp", f"{p}.logsumexp({d})"), ("cumsum", f"{p}.cumsum({d})"), ("norm", f"{p}.norm()")]
            forms += [("index_select", f"{p}.index_select({d}, {self.indices(x.shape[d], 2)})")]
            forms += [("masked_fill", f"{p}.masked_fill({self.mask(x.shape)}, {self.number()})")]
            forms += [("[mask]", f"{p}[{self.mask(x.shape)}]"), ("[indices]", f"{p}[{self.indices(x.shape[0], 2)}]")]
            forms += [("var", f"{p}.var({d})")] * (x.shape[d] > 1) + [("cat", f"L.cat([{p}, {p}], {d})")]
            other, y = self.pick()
            if n == y.ndim and x.shape[:d] + x.shape[d + 1 :] == y.shape[:d] + y.shape[d + 1 :]:
                forms += [("cat", f"L.cat([{p}, {other}], {d})")] * 4
            if x.shape == y.shape:
                forms += [
                    ("stack", f"L.stack([{p}, {other}], {self.choose((0, n))})"),
                    ("maximum", f"L.maximum({p}, {other})"),
                ]
                forms += [
                    ("where", f"L.where({self.mask(x.shape)}, {p}, {other})"),
                    ("lerp", f"{p}.lerp({other}, 0.3)"),
                ]
                forms += [("addcmul", f"{p}.addcmul({other}, {p}, value=0.5)")]
                forms += [("mse_loss", f"L.nn.functional.mse_loss({p}, {other})")]
            if 0 < n <= 2 and 0 < y.ndim <= 2 and x.shape[-1] == y.shape[0]:
                forms += [("matmul", f"{p} @ {other}")] * 6
            if n == 2 and y.ndim == 2 and x.shape[1] == y.shape[1]:
                forms += [("linear", f"L.nn.functional.linear({p}, {other})")] * 4
        if n in (2, 4) and x.value.size // x.shape[1] > 1:
            forms += [("batch_norm", f"L.nn.functional.batch_norm({p}, None, None, training=True)")] * 2
        if n >= 2 and x.shape[-1] > 1:
            forms += [("layer_norm", f"L.nn.functional.layer_norm({p}, ({x.shape[-1]},))")]
        if n == 4:
            forms += [("max_pool2d", f"L.nn.functional.max_pool2d({p}, 2)")] * 6
            kernels = [
                k for k, w in self.tensors() if w.ndim == 4 and w.shape[1] == x.shape[1] and w.shape[2] <= x.shape[2]
            ]
            forms += [("conv2d", f"L.nn.functional.conv2d({p}, {self.choose(kernels)})")] * 8 if kernels else []
        kind, expression = self.choose(forms)
        self.new(f"op {kind}", expression)

    def views_of(self, p: str, x: Jet) -> list[tuple[str, str]]:
        """All kinds of views of a tensor."""
        n, shape = x.ndim, x.shape
        forms = [("[None]", f"{p}[None]"), ("unsqueeze", f"{p}.unsqueeze({self.choose(range(-1, n + 1))})")]
        forms += [("[...]", f"{p}[...]"), ("squeeze", f"{p}.squeeze()")]
        forms += [("expand", f"{p}.expand({', '.join(map(str, (2, *shape)))})")] * self.chance(0.3)
        forms += [("itself", f"{p}.double()"), ("itself", f"{p}.to(L.float64)"), ("itself", f"+{p}")] * self.chance(0.3)
        if x.settled:
            forms += [("view", f"{p}.view(-1)"), ("flatten", f"{p}.flatten()"), ("reshape", f"{p}.reshape(-1)")]
            forms += [("view", f"{p}.view({', '.join(map(str, (*shape, 1)))})"), ("ravel", f"{p}.ravel()")]
            forms += [("contiguous", f"{p}.contiguous()")] * self.chance(0.3)
            if n == 2:
                forms += [("view", f"{p}.view({shape[1]}, {shape[0]})"), ("reshape", f"{p}.reshape({shape[1]}, -1)")]
                forms += [("view_as", f"{p}.view_as(L.zeros_like({p}))")]
            if n and shape[0] in (2, 3, 4):
                forms += [("unflatten", f"{p}.unflatten(0, (1, {shape[0]}))")]
        if n:
            d = int(self.rng.integers(n))
            i, m = int(self.rng.integers(shape[0])), shape[d]
            forms += [
                ("[int]", f"{p}[{i}]"),
                ("[int]", f"{p}[-1]"),
                ("[slice]", f"{p}[{i}:]"),
                ("[slice]", f"{p}[:{i + 1}]"),
            ] * 2
            forms += [
                ("[::2]", f"{p}[::2]"),
                ("[..., int]", f"{p}[..., 0]"),
                ("narrow", f"{p}.narrow({d}, 0, {max(m - 1, 1)})"),
            ]
            forms += [("select", f"{p}.select({d}, {m - 1})"), ("split", f"{p}.split(1, {d})[{m - 1}]")]
            forms += [
                ("unbind", f"{p}.unbind({d})[0]"),
                ("iterate", f"list({p})[{i}]"),
                ("chunk", f"{p}.chunk(2, {d})[0]"),
            ]
            forms += [("tensor_split", f"{p}.tensor_split(2, {d})[0]"), ("iterate", f"[row for row in {p}][-1]")]
        if n >= 2:
            j = int(self.rng.integers(shape[1]))
            forms += [
                ("[:, int]", f"{p}[:, {j}]"),
                ("[int, int]", f"{p}[{i}, {j}]"),
                ("[:, slice]", f"{p}[:, {j}:]"),
            ] * 2
            forms += [("transpose", f"{p}.transpose(0, 1)"), ("mT", f"{p}.mT"), ("swapaxes", f"{p}.swapaxes(0, -1)")]
            forms += [
                ("permute", f"{p}.permute({', '.join(map(str, self.rng.permutation(n)))})"),
                ("movedim", f"{p}.movedim(0, -1)"),
            ]
        if n == 2:
            forms += [("t", f"{p}.t()"), ("T", f"{p}.T"), ("diagonal", f"{p}.diagonal()")]
        return forms

    def view(self) -> None:
        kind, expression = self.choose(self.views_of(*self.pick()))
        self.new(f"view {kind}", expression)

    def alias(self) -> None:
        p, _ = self.pick()
        kind = self.choose(("detach", "detach", "data", "leaf"))
        self.new(
            f"alias {kind}",
            {"leaf": f"{p}.detach().clone().requires_grad_()", "data": f"{p}.data"}.get(kind, f"{p}.detach()"),
        )

    def read(self) -> None:
        p, x = self.pick()
        at = ", ".join(str(int(self.rng.integers(n))) for n in x.shape)
        element = f"{p}[{at}]" if at else p
        forms = [("float", f"float({element})"), ("item", f"{p}.sum().item()"), ("tolist", f"{p}.tolist()")]
        if x.ndim:
            forms += [("iterate", f"[float(row.sum()) for row in {p}]"), ("tolist", f"[row.tolist() for row in {p}]")]
            forms += [("any", f"bool(({p} > 0).any())"), ("tolist", f"{p}[0].tolist()")]
        looks = [
            ("repr", f"repr({p})"),
            ("numpy", f"{p}.detach().numpy()"),
            ("str", f"str({p})"),
            ("len", f"{p}.shape[0:]"),
        ]
        looks += (
            [("look", f"{p}[...]"), ("look", f"{p}.view({', '.join(map(str, x.shape))})")]
            if x.settled and x.ndim
            else []
        )
        if self.chance(0.6):
            kind, expression = self.choose(forms)
            self.new(f"read {kind}", expression)
        else:
            kind, source = self.choose(looks)
            self.add(f"read {kind}", source)

    def write(self) -> None:
        """In place: into a name, into a view on the spot, or by an index."""
        p, x = self.pick(lambda x: not (x.read_only and self.chance(0.8)) and not (x.history.leaf and self.chance(0.6)))
        if x.history.leaf and self.chance(0.7):
            was, self.silent = self.silent, True
            try:
                self.write_into(p, x)
            finally:
                self.silent = was
        else:
            self.write_into(p, x)

    def write_into(self, p: str, x: Jet) -> None:
        if x.ndim and self.chance(0.4):
            return self.assign(p, x)
        place = p
        if self.chance(0.3):
            label, place = self.choose(self.views_of(p, x))
            if label == "expand":
                raise Unfit("refused for sure")
        elif self.chance(0.08):
            place = self.choose((f"{p}.detach()", f"{p}.detach()", f"{p}.data"))
        target = eval(place.replace(".data", ".detach()"), self.names)
        shape, n = target.shape, target.ndim
        if self.chance(0.25) and place == p:
            sign = self.choose(("+", "-", "*", "/"))
            self.add(f"write {sign}=", f"{p} {sign}= {self.operand(shape)}")
            return None
        q = self.operand(shape)
        forms = [(name, f"{name}_()") for name in IN_PLACE]
        forms += [("add", f"add_({q})"), ("sub", f"sub_({q})"), ("mul", f"mul_({q})"), ("div", f"div_({q})")] * 3
        forms += [("fill", f"fill_({self.number()})"), ("clamp", "clamp_(-0.5, 1.0)"), ("clamp_min", "clamp_min_(0.2)")]
        forms += [
            ("clamp_max", "clamp_max_(0.7)"),
            ("pow", "pow_(2)"),
            ("mul", f"mul_({place})"),
            ("add", f"add_({place})"),
        ]
        if not isinstance(eval(q, self.names), float):
            other = self.operand(shape, exact=True)
            forms += [("copy", f"copy_({q})")] * 3 + [("add", f"add_({q}, alpha=0.5)"), ("sub", f"sub_({q}, alpha=2)")]
            forms += [
                ("addcmul", f"addcmul_({q}, {other}, value=0.5)"),
                ("addcdiv", f"addcdiv_({q}, {other}, value=0.5)"),
            ]
            forms += [("lerp", f"lerp_({other}, 0.3)")]
        if n:
            d = int(self.rng.integers(n))
            m = shape[d]
            k = int(self.rng.integers(1, m + 1))
            source = self.operand((*shape[:d], k, *shape[d + 1 :]), exact=True)
            at = self.indices(m, k)
            forms += [
                ("index_add", f"index_add_({d}, {at}, {source})"),
                ("index_copy", f"index_copy_({d}, {at}, {source})"),
            ]
            forms += [("index_fill", f"index_fill_({d}, {at}, {self.number()})"), ("cumsum", f"cumsum_({d})")]
            forms += [("masked_fill", f"masked_fill_({self.mask(shape)}, {self.number()})")] * 2
            columns = f"L.tensor({self.rng.permuted(np.indices(shape)[d], axis=d).tolist()})"
            full = self.operand(shape, exact=True)
            forms += [
                ("scatter", f"scatter_({d}, {columns}, {full})"),
                ("scatter_add", f"scatter_add_({d}, {columns}, {full})"),
            ]
        if n == 2:
            forms += [("tril", "tril_()"), ("triu", "triu_()"), ("fill_diagonal", f"fill_diagonal_({self.number()})")]
        if place == p:
            forms += [("F.relu", "")] * 2
        kind, call = self.choose(forms)
        inside = "" if place == p else " into a view on the spot"
        if place.endswith((".detach()", ".data")):
            inside = f" into {place.rpartition('.')[2]}"
        source = f"L.nn.functional.relu({p}, inplace=True)" if kind == "F.relu" else f"{place}.{call}"
        self.add(f"write {kind}_{inside}", source)
        return None

    def assign(self, p: str, x: Jet) -> None:
        """p[index] = value and p[index] += value."""
        shape = x.shape
        i = int(self.rng.integers(shape[0]))
        forms = [
            ("[int]", f"{i}"),
            ("[slice]", f"{i}:"),
            ("[slice]", f":{i + 1}"),
            ("[...]", "..."),
            ("[::2]", "::2"),
            ("[int]", "-1"),
        ]
        forms += [
            ("[mask]", self.mask(shape)),
            ("[indices]", self.indices(shape[0], int(self.rng.integers(1, shape[0] + 1)))),
        ]
        if x.ndim >= 2:
            j = int(self.rng.integers(shape[1]))
            forms += [("[:, int]", f":, {j}"), ("[int, int]", f"{i}, {j}"), ("[:, slice]", f":, {j}:")] * 2
            forms += [("[..., int]", "..., 0"), ("[int][int]", f"{i}][{j}")]
            forms += [("[indices, slice]", f"{self.indices(shape[0], 2)}, {j}:")]
        kind, index = self.choose(forms)
        shape = eval(f"{p}[{index}]", self.names).shape
        value = self.operand(shape)
        if self.chance(0.25) and len(shape) and shape == x.shape[1:]:
            value = f"{p}[{self.choose(range(x.shape[0]))}] * {self.number()}"
        if kind == "[mask]" and self.chance(0.6):
            value = self.number()
        sign = self.choose(("=", "=", "=", "+=", "-=", "*=", "/="))
        self.add(f"write {kind} {sign}", f"{p}[{index}] {sign} {value}")

    # ------------------------------------------------------------------------------------------------ gradients
    def outputs(self, count: int) -> list[tuple[str, Jet]]:
        found: dict[str, Jet] = {}
        for _ in range(count):
            name, x = self.pick(lambda x: x.requires_grad and not x.history.leaf)
            found[name] = x
        return list(found.items())

    def backward(self) -> None:
        """Gradients of a few outputs, in one of the ways there are."""
        self.silent = False
        out = self.outputs(int(self.rng.integers(1, 4)))
        again = self.chance(0.12)
        keep = ", retain_graph=True" if again and self.chance(0.8) else ""
        way = self.choose(("each", "together", "sum", "sum"))
        if way == "each":
            for k, (name, x) in enumerate(out):
                more = ", retain_graph=True" if k < len(out) - 1 else keep
                self.add("backward", f"{name}.backward({self.literal(x.shape)}{more})")
            call = f"{out[-1][0]}.backward({self.literal(out[-1][1].shape)})"
        elif way == "together":
            names, seeds = ", ".join(name for name, _ in out), ", ".join(self.literal(x.shape) for _, x in out)
            call = f"L.autograd.backward([{names}], [{seeds}])"
            self.add("backward", f"{call[:-1]}{keep})")
        else:
            terms = " + ".join(f"({name} * {self.literal(x.shape)}).sum()" for name, x in out)
            if not self.new("op loss", terms):
                raise Unfit("a loss beyond bounds")
            call = f"v{self.count - 1}.backward()"
            self.add("backward", f"{call[:-1]}{keep.removeprefix(', ')})")
        if again:
            if self.writes and self.chance(0.4):
                self.step()
                self.silent = False
            self.add("backward" if keep else "backward again", call)

    def second_order(self) -> None:
        """A gradient that takes part in the rest of the program."""
        self.silent = False
        (y, x), *_ = self.outputs(1)
        leaf = self.choose([name for name, z in self.tensors() if any(z is leaf for leaf, _ in self.library.leaves)])
        call = f"L.autograd.grad([{y}], [{leaf}], [{self.literal(x.shape)}], create_graph=True, allow_unused=True)[0]"
        if not self.add("grad", f"g = {call}") or not self.add("grad", f"g = L.zeros_like({leaf}) if g is None else g"):
            raise Unfit("no gradient")
        for _ in range(int(self.rng.integers(0, 4))):
            self.step()
        self.silent = False
        g = self.names["g"]
        terms = f"(g * g * {self.literal(g.shape)}).sum() + ({y} * {self.literal(x.shape)}).sum()"
        if not self.new("op loss", terms):
            raise Unfit("a loss beyond bounds")
        self.add("backward of grad", f"v{self.count - 1}.backward()")

    def update(self) -> None:
        """A step of gradient descent, and the beginning of another round."""
        for leaf in [name for name, z in self.tensors() if any(z is leaf for leaf, _ in self.library.leaves)]:
            change = f"0.1 * (L.zeros_like({leaf}) if {leaf}.grad is None else {leaf}.grad)"
            forms = [f"with L.no_grad(): {leaf} -= {change}", f"with L.no_grad(): {leaf}.sub_({change})"] * 3
            self.add("step", self.choose([*forms, f"{leaf}.data -= {change}", f"{leaf}.data.sub_({change})"]))
            if self.chance(0.7):
                self.add("step", f"{leaf}.grad = None")


def make(seed: int, writes: bool = True) -> Made:
    """The program of a seed; without writes where only the rest is to be tested."""
    maker = Maker(seed, writes)
    maker.start()
    for _ in range(int(maker.rng.integers(5, 18))):
        maker.step()
    try:
        if maker.second:
            maker.second_order()
        else:
            maker.backward()
        if maker.chance(0.15) and not maker.second:
            maker.update()
            for _ in range(int(maker.rng.integers(2, 5))):
                maker.step()
            maker.backward()
    except Unfit:
        pass  # nothing to differentiate: the values are compared
    library, names = maker.library, maker.names
    told = Account(
        Run(maker.refused, snapshot(names), None), vague(names), library.overwritten or library.freed, library.untracked
    )
    return Made(maker.program, maker.directions, maker.order, told)
