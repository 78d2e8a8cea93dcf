"""In the place of ``torch.autograd.forward_ad``: an error that says what there is instead."""


def __getattr__(name: str) -> None:
    if name.startswith("__"):
        raise AttributeError(name)
    raise NotImplementedError(f"forward_ad.{name}: there is no forward mode here; use autograd.functional.jvp")
