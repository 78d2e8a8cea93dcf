"""Qualified names of modules, without being told which model it is: the outermost module called is one."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ..nn.module import Module


class ModuleNames:
    """Names as `Module.named_modules` gives them ("features.0"); a type in parentheses where there is none.

    The model itself is "(Net)". If a second model has a name that is taken, its names begin with its type:
    "(Critic).0". A module that is found among no attributes is named after the one that called it: "features.(ReLU)".
    """

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[Module, str] = WeakKeyDictionary()
        self._prefixes: WeakKeyDictionary[Module, str] = WeakKeyDictionary()  # of models
        self._taken: set[str] = set()

    def name(self, module: Module, model: Module, caller: str) -> str:
        """The name of a module called by the one named ``caller``, within a call of ``model`` (maybe itself)."""
        if module not in self._names:
            self._learn(model)
        if module not in self._names:
            self._names[module] = f"{caller}.({type(module).__name__})"
        return self._names[module]

    def __contains__(self, module: Module) -> bool:
        return module in self._names

    def models(self) -> list[Module]:
        """Those that were called by no other and are still there, in the order of their first calls."""
        return list(self._prefixes)

    def _learn(self, model: Module) -> None:
        new = {path: module for path, module in model.named_modules() if module not in self._names}
        if model not in self._names:
            label = f"({type(model).__name__})"
            if len(new) > 1:  # a lone layer, such as a loss, may be made anew in every step: one name for all
                number = 2
                while label in self._taken:
                    label, number = f"({type(model).__name__} {number})", number + 1
            self._names[model] = label
            self._prefixes[model] = f"{label}." if self._taken & set(new) else ""
            del new[""]
        prefix = self._prefixes.get(model, f"{self._names[model]}.")
        self._names.update((module, prefix + path) for path, module in new.items())
        self._taken.update((self._names[model], *(prefix + path for path in new)))
