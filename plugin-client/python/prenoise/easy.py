"""The short way to a search, for scripts and notebooks: one call with plain arguments."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Sequence, Union

from . import names, targets, wire
from .channel import Sidecar
from .search import Search

Loss = Union[str, wire.AttentionLoss]


class Candidates:
    """What `prenoise.optimize` returns: iterate over it for the candidates as they are scored; `best` and `summary` follow.

    Leaving a `with` block, dropping the object, or Ctrl-C while it waits stops the search.
    """

    def __init__(self, search: Search) -> None:
        self.search = search

    def __iter__(self) -> Iterator[wire.Candidate]:
        return (event for event in self.search if isinstance(event, wire.Candidate))

    def __enter__(self) -> "Candidates":
        return self

    def __exit__(self, *_: object) -> None:
        self.search.close()

    @property
    def best(self) -> wire.Candidate:
        """The best of all, with its noise and picture; runs the search to its end first."""
        return self.summary.best[0]

    @property
    def summary(self) -> wire.Summary:
        """The best candidates, the plain seed's, what was spent; runs the search to its end first."""
        return self.search.run()

    def cancel(self) -> None:
        """Stops the search; the iteration ends. From any thread."""
        self.search.cancel()


def optimize(
    prompt: str,
    *,
    loss: Optional[Loss] = None,
    verifiers: Union[str, Sequence[Union[str, wire.Verifier]], Mapping[str, float]] = (),
    n: int = 16,
    seed: int = 0,
    negative_prompt: str = "",
    subjects: Sequence[str] = (),
    optimize: bool = False,
    then: Optional[Loss] = None,
    algorithm: Union[str, wire.SearchAlgorithm] = "random",
    keep: int = 0,
    backbone: str = "",
    width: int = 0,
    height: int = 0,
    sampler: str = "",
    schedule: str = "",
    steps: int = 0,
    guidance_scale: float = 0.0,
    noise: Any = None,
    best: int = 1,
    pictures: bool = True,
    seconds: float = 0.0,
    stop_on_plateau: bool = False,
    search_id: str = "",
    target: str = targets.DEFAULT_TARGET,
    token: Optional[str] = None,
    ca: Optional[str] = None,
    allow: Optional[Iterable[str]] = None,
    poll: Optional[Callable[[], object]] = None,
) -> Candidates:
    """Searches for better noise for a prompt on the sidecar's model, and yields the candidates as they are scored.

    Candidate 0 is the plain seed's noise. Without `verifiers` candidates are ranked by `loss` ("conform" unless given: "initno",
    "self-cross", "attend-and-excite") on the model's attention, lower is better, `n` of them; `optimize` moves each along InitNO's gradient, `then`
    is a second loss that decides. With `verifiers` (names, or weights by name) `n` pictures are drawn and judged, higher is better, by an
    `algorithm` ("random", "zero-order", "paths", "first-order", "zero-order-then-paths"). With both, the loss screens `n` noises and the
    verifiers choose among the best `keep` of them (8 where 0).

    Zeros and empty texts are the model's own. `noise` is the host's own noise, [1, C, H, W], unit variance (a `wire.Tensor`, or an array of numpy's
    or torch's), in place of the seed's. `best` is how many the summary has; `pictures` brings a preview of those that are best so far. `seconds`
    ends the search by the clock. `search_id` continues a search of that name. `target`, `token`, `ca`, `allow` are `Sidecar`'s.

    Raises ValueError for a name that is none of the contract's, TargetNotAllowed, and from the iteration SidecarError.
    """
    request = wire.OptimizeNoiseRequest(
        search_id=search_id,
        backbone=backbone,
        prompt=wire.Prompt(prompt, negative_prompt, [wire.Subject(text) for text in subjects]),
        width=width,
        height=height,
        seed=seed,
        noise=_tensor(noise),
        sampling=wire.Sampling(sampler, schedule, steps, guidance_scale),
        budget=wire.Budget(stop_on_plateau=stop_on_plateau, wall_time=wire.Duration.of(seconds) if seconds else None),
        output=wire.Output(best=best, preview=wire.Include.BEST if pictures else wire.Include.NONE),
    )
    judges = _verifiers(verifiers)
    ranking = None
    if loss is not None or not judges:
        ranking = wire.AttentionRanking(
            names.parse(wire.AttentionLoss, loss or "conform", "loss"),
            optimize=optimize,
            then=wire.AttentionLoss.UNSPECIFIED if then is None else names.parse(wire.AttentionLoss, then, "then"),
        )
    if judges:
        search = wire.VerifierSearch(names.parse(wire.SearchAlgorithm, algorithm, "algorithm"), judges)
        if ranking is None:
            request.verifier, request.budget.pictures = search, n  # type: ignore[union-attr]
        else:
            request.cascade, request.budget.loss_evaluations = wire.Cascade(ranking, keep, search), n  # type: ignore[union-attr]
    else:
        request.attention, request.budget.loss_evaluations = ranking, n  # type: ignore[union-attr]
    return Candidates(Sidecar(target, token, ca, allow).optimize(request, poll))


def _verifiers(given: Any) -> Sequence[wire.Verifier]:
    if isinstance(given, str):
        given = (given,)
    if isinstance(given, Mapping):
        return [wire.Verifier(name, weight) for name, weight in given.items()]
    return [one if isinstance(one, wire.Verifier) else wire.Verifier(one) for one in given]


def _tensor(noise: Any) -> Optional[wire.Tensor]:
    if noise is None or isinstance(noise, wire.Tensor):
        return noise
    from . import arrays

    if type(noise).__module__.partition(".")[0] == "torch":
        return arrays.from_torch(noise)
    return arrays.from_numpy(noise)
