"""The messages of the contract, `proto/prenoise/v1/noise_provider.proto`, under their own names.

What each field means is said there. Here a field that is a message, `optional`, or a member of a oneof is None when it is not set; every other
has its zero. Enums drop their prefix: ATTENTION_LOSS_CONFORM is AttentionLoss.CONFORM. A value of a newer contract stays a plain int, a
field of a newer one is skipped. Tests hold this table to the contract, names, numbers and kinds.
"""

from __future__ import annotations

import array
import math
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import Dict, Iterable, List, Optional, Sequence, Union

from .codec import Message, boolean, choice, double, doubles_by_name, int32, int64, many, member, one, optional_double, raw, string, uint64
from .errors import WireError


class DataType(IntEnum):
    UNSPECIFIED = 0
    FLOAT32 = 1
    FLOAT16 = 2
    BFLOAT16 = 3
    INT64 = 4
    FLOAT64 = 5


class NoiseSource(IntEnum):
    UNSPECIFIED = 0
    TORCH_CPU = 1
    NV_PHILOX = 2


class PromptWeighting(IntEnum):
    UNSPECIFIED = 0
    COMFYUI = 1
    A1111 = 2
    NONE = 3


class AttentionLoss(IntEnum):
    UNSPECIFIED = 0
    INITNO = 1
    CONFORM = 2
    SELF_CROSS = 3
    ATTEND_AND_EXCITE = 4


class LossForm(IntEnum):
    UNSPECIFIED = 0
    RANKING = 1
    PUBLISHED = 2


class SearchAlgorithm(IntEnum):
    UNSPECIFIED = 0
    RANDOM = 1
    ZERO_ORDER = 2
    PATHS = 3
    FIRST_ORDER = 4
    ZERO_ORDER_THEN_PATHS = 5


class Include(IntEnum):
    UNSPECIFIED = 0
    NONE = 1
    BEST = 2
    ALL = 3


class StopReason(IntEnum):
    UNSPECIFIED = 0
    BUDGET = 1
    PLATEAU = 2
    THRESHOLD = 3
    CANCELLED = 4


class PeerState(IntEnum):
    UNSPECIFIED = 0
    SERVING = 1
    NOT_SERVING = 2
    OTHER = 3


class SearchState(IntEnum):
    UNSPECIFIED = 0
    RUNNING = 1
    DONE = 2
    CANCELLED = 3
    FAILED = 4
    INTERRUPTED = 5


WIDTHS = {DataType.FLOAT32: 4, DataType.FLOAT16: 2, DataType.BFLOAT16: 2, DataType.INT64: 8, DataType.FLOAT64: 8}  # bytes of a value


@dataclass(repr=False)
class Duration(Message):
    """google.protobuf.Duration."""

    seconds: int = int64(1)
    nanos: int = int32(2)

    @classmethod
    def of(cls, seconds: float) -> "Duration":
        whole, rest = divmod(round(seconds * 1e9), 10**9)
        if seconds < 0 and rest:
            whole, rest = whole + 1, rest - 10**9  # both of one sign
        return cls(whole, rest)

    def total_seconds(self) -> float:
        return self.seconds + self.nanos / 1e9


@dataclass(repr=False)
class Tensor(Message):
    """Dense, row-major, little-endian."""

    data_type: DataType = choice(1, DataType)
    shape: List[int] = many(2, "int64")
    data: bytes = raw(3)

    @classmethod
    def of_floats(cls, shape: Sequence[int], floats: Iterable[float]) -> "Tensor":
        """A float32 tensor. Raises WireError where the shape asks for another number of values."""
        values = array.array("f", floats)
        if sys.byteorder == "big":
            values.byteswap()
        shape = [int(side) for side in shape]
        if len(values) != math.prod(shape):
            raise WireError(f"Tensor.shape: {shape} (expected: {len(values)} values in all, as many as were given)")
        return cls(DataType.FLOAT32, shape, values.tobytes())

    def floats(self) -> "array.array[float]":
        """The values in row-major order, of float64 as "d", of every other type as "f" (whole numbers: "q").

        Raises WireError where the data is not as long as shape and type say.
        """
        self.check()
        if self.data_type == DataType.FLOAT16:
            return array.array("f", struct.unpack(f"<{len(self.data) // 2}e", self.data))
        if self.data_type == DataType.BFLOAT16:
            return array.array("f", _widened(self.data))
        values = array.array({DataType.FLOAT64: "d", DataType.INT64: "q"}.get(self.data_type, "f"))
        values.frombytes(self.data)
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def check(self) -> None:
        """Raises WireError where the type is unknown or the data is not as long as shape and type say."""
        width = WIDTHS.get(self.data_type)
        if width is None:
            raise WireError(f"Tensor.data_type: {self.data_type!r} (expected: one of {', '.join(kind.name for kind in WIDTHS)})")
        if any(side < 0 for side in self.shape):
            raise WireError(f"Tensor.shape: {list(self.shape)} (expected: no negative side)")
        expected = width * math.prod(self.shape)
        if len(self.data) != expected:
            raise WireError(f"Tensor.data: {len(self.data)} bytes (expected: {expected}, of shape {list(self.shape)})")

    def is_finite(self) -> bool:
        """Whether no value is infinite or no number."""
        if self.data_type == DataType.FLOAT32 and 0x7F not in self.data[3::4] and 0xFF not in self.data[3::4]:
            return len(self.data) % 4 == 0  # no exponent is near the highest: the usual case, told without looking at each value
        return all(map(math.isfinite, self.floats()))


def _widened(data: bytes) -> Iterable[float]:
    """bfloat16 as float32: its bytes are the upper half."""
    wide = bytearray(2 * len(data))
    wide[2::4], wide[3::4] = data[0::2], data[1::2]
    return struct.unpack(f"<{len(data) // 2}f", wide)


@dataclass(repr=False)
class Perturbation(Message):
    seed: int = uint64(1)
    step_size: float = double(2)


@dataclass(repr=False)
class Optimization(Message):
    algorithm: str = string(1)
    loss_evaluations: int = int32(2)


@dataclass(repr=False)
class NoiseStep(Message):
    perturbation: Optional[Perturbation] = member(1, Perturbation, "kind")
    optimization: Optional[Optimization] = member(2, Optimization, "kind")


@dataclass(repr=False)
class NoiseRecipe(Message):
    seed: int = uint64(1)
    source: NoiseSource = choice(2, NoiseSource)
    shape: List[int] = many(3, "int64")
    steps: List[NoiseStep] = many(4, NoiseStep)
    base_sha256: str = string(5)


@dataclass(repr=False)
class Subject(Message):
    text: str = string(1)
    attributes: List[str] = many(2, "string")
    token_indices: List[int] = many(3, "int32")


@dataclass(repr=False)
class Conditioning(Message):
    embeddings: Optional[Tensor] = one(1, Tensor)
    pooled: Optional[Tensor] = one(2, Tensor)
    negative_embeddings: Optional[Tensor] = one(3, Tensor)
    negative_pooled: Optional[Tensor] = one(4, Tensor)
    time_ids: List[float] = many(5, "double")


@dataclass(repr=False)
class Prompt(Message):
    text: str = string(1)
    negative_text: str = string(2)
    subjects: List[Subject] = many(3, Subject)
    conditioning: Optional[Conditioning] = one(4, Conditioning)
    weighting: PromptWeighting = choice(5, PromptWeighting)
    clip_skip: int = int32(6)


@dataclass(repr=False)
class Lora(Message):
    name: str = string(1)
    strength: Optional[float] = optional_double(2)
    text_strength: Optional[float] = optional_double(3)


@dataclass(repr=False)
class Sampling(Message):
    sampler: str = string(1)
    schedule: str = string(2)
    steps: int = int32(3)
    guidance_scale: float = double(4)
    sigmas: List[float] = many(5, "double")


@dataclass(repr=False)
class AttentionRanking(Message):
    loss: AttentionLoss = choice(1, AttentionLoss)
    form: LossForm = choice(4, LossForm)
    optimize: bool = boolean(2)
    then: AttentionLoss = choice(3, AttentionLoss)


@dataclass(repr=False)
class Verifier(Message):
    name: str = string(1)
    weight: float = double(2)
    label: str = string(3)
    instructions: str = string(4)


@dataclass(repr=False)
class Paths(Message):
    initial_paths: int = int32(1)
    width: int = int32(2)
    start_sigma: float = double(3)
    backward_step: float = double(4)
    forward_step: float = double(5)


@dataclass(repr=False)
class FirstOrder(Message):
    step_size: float = double(1)
    last_steps: int = int32(2)


@dataclass(repr=False)
class VerifierSearch(Message):
    algorithm: SearchAlgorithm = choice(1, SearchAlgorithm)
    verifiers: List[Verifier] = many(2, Verifier)
    neighbors: int = int32(3)
    step_size: float = double(4)
    paths: Optional[Paths] = one(5, Paths)
    steps: int = int32(6)
    restart_after: int = int32(7)
    first_order: Optional[FirstOrder] = one(8, FirstOrder)


@dataclass(repr=False)
class Cascade(Message):
    screen: Optional[AttentionRanking] = one(1, AttentionRanking)
    keep: int = int32(2)
    verify: Optional[VerifierSearch] = one(3, VerifierSearch)


@dataclass(repr=False)
class Budget(Message):
    loss_evaluations: int = int32(1)
    function_evaluations: int = int32(2)
    wall_time: Optional[Duration] = one(3, Duration)
    stop_on_plateau: bool = boolean(4)
    pictures: int = int32(5)


@dataclass(repr=False)
class Output(Message):
    best: int = int32(1)
    noise: Include = choice(2, Include)
    preview: Include = choice(3, Include)
    attention: bool = boolean(4)


@dataclass(repr=False)
class OptimizeNoiseRequest(Message):
    search_id: str = string(1)
    backbone: str = string(2)
    prompt: Optional[Prompt] = one(3, Prompt)
    width: int = int32(4)
    height: int = int32(5)
    seed: int = uint64(6)
    noise_source: NoiseSource = choice(7, NoiseSource)
    noise: Optional[Tensor] = one(14, Tensor)
    sampling: Optional[Sampling] = one(8, Sampling)
    attention: Optional[AttentionRanking] = member(9, AttentionRanking, "strategy")
    verifier: Optional[VerifierSearch] = member(10, VerifierSearch, "strategy")
    cascade: Optional[Cascade] = member(11, Cascade, "strategy")
    budget: Optional[Budget] = one(12, Budget)
    output: Optional[Output] = one(13, Output)
    lora: List[Lora] = many(15, Lora)


@dataclass(repr=False)
class Accepted(Message):
    search_id: str = string(1)
    backbone: str = string(2)
    subjects: List[Subject] = many(3, Subject)
    budget: Optional[Budget] = one(4, Budget)
    noise_shape: List[int] = many(5, "int64")
    warnings: List[str] = many(6, "string")
    verifiers: List[Verifier] = many(7, Verifier)


@dataclass(repr=False)
class Progress(Message):
    loss_evaluations: int = int32(1)
    function_evaluations: int = int32(2)
    elapsed: Optional[Duration] = one(3, Duration)
    fraction: float = double(4)
    best_score: float = double(5)
    stage: str = string(6)
    denoiser_calls: int = int32(7)
    batch_rows: int = int32(8)


@dataclass(repr=False)
class HeatMap(Message):
    subject: str = string(1)
    map: Optional[Tensor] = one(2, Tensor)


@dataclass(repr=False)
class Candidate(Message):
    index: int = int32(1)
    recipe: Optional[NoiseRecipe] = one(2, NoiseRecipe)
    score: float = double(3)
    score_is_loss: bool = boolean(4)
    terms: Dict[str, float] = doubles_by_name(5)
    best_so_far: bool = boolean(6)
    noise: Optional[Tensor] = one(7, Tensor)
    preview_png: bytes = raw(8)
    attention: List[HeatMap] = many(9, HeatMap)

    def _repr_png_(self) -> Optional[bytes]:
        """What a notebook shows of a candidate that has a picture."""
        return self.preview_png or None


@dataclass(repr=False)
class Summary(Message):
    best: List[Candidate] = many(1, Candidate)
    baseline: Optional[Candidate] = one(2, Candidate)
    spent: Optional[Progress] = one(3, Progress)
    stop_reason: StopReason = choice(4, StopReason)
    warnings: List[str] = many(5, "string")


@dataclass(repr=False)
class OptimizeNoiseResponse(Message):
    accepted: Optional[Accepted] = member(1, Accepted, "event")
    progress: Optional[Progress] = member(2, Progress, "event")
    candidate: Optional[Candidate] = member(3, Candidate, "event")
    summary: Optional[Summary] = member(4, Summary, "event")


@dataclass(repr=False)
class HostSampler(Message):
    calls: int = int32(1)
    rows: int = int32(2)
    sigmas: List[float] = many(3, "double")
    prediction: str = string(4)
    gradient_calls: int = int32(5)


@dataclass(repr=False)
class HostStart(Message):
    request: Optional[OptimizeNoiseRequest] = one(1, OptimizeNoiseRequest)
    noise_shape: List[int] = many(2, "int64")
    max_batch: int = int32(3)
    model: str = string(4)
    gradients: bool = boolean(5)
    sampler: Optional[HostSampler] = one(6, HostSampler)


@dataclass(repr=False)
class AttentionMaps(Message):
    cross_attention: Optional[Tensor] = one(1, Tensor)
    self_attention: Optional[Tensor] = one(2, Tensor)


@dataclass(repr=False)
class HostEvaluation(Message):
    evaluation_id: int = int64(1)
    attention: List[AttentionMaps] = many(2, AttentionMaps)
    images: List[bytes] = many(3, "bytes")
    error: str = string(4)
    latents: List[Tensor] = many(5, Tensor)
    predictions: List[bytes] = many(6, "bytes")


@dataclass(repr=False)
class HostGradient(Message):
    evaluation_id: int = int64(1)
    noise_gradient: List[Tensor] = many(2, Tensor)
    error: str = string(3)


@dataclass(repr=False)
class OptimizeNoiseOnHostRequest(Message):
    start: Optional[HostStart] = member(1, HostStart, "message")
    evaluation: Optional[HostEvaluation] = member(2, HostEvaluation, "message")
    gradient: Optional[HostGradient] = member(3, HostGradient, "message")


@dataclass(repr=False)
class HostWalk(Message):
    from_: int = int32(1)  # "from" in the contract
    to: int = int32(2)


@dataclass(repr=False)
class Evaluate(Message):
    evaluation_id: int = int64(1)
    noise: List[Tensor] = many(2, Tensor)
    attention: bool = boolean(3)
    images: bool = boolean(4)
    gradient_follows: bool = boolean(5)
    seeds: List[int] = many(6, "uint64")
    predictions: bool = boolean(7)
    walk: Optional[HostWalk] = one(8, HostWalk)
    self_attention: bool = boolean(9)


@dataclass(repr=False)
class AttentionGradient(Message):
    evaluation_id: int = int64(1)
    attention: List[AttentionMaps] = many(2, AttentionMaps)
    images: List[Tensor] = many(3, Tensor)


@dataclass(repr=False)
class OptimizeNoiseOnHostResponse(Message):
    event: Optional[OptimizeNoiseResponse] = member(1, OptimizeNoiseResponse, "message")
    evaluate: Optional[Evaluate] = member(2, Evaluate, "message")
    gradient: Optional[AttentionGradient] = member(3, AttentionGradient, "message")


@dataclass(repr=False)
class EvaluateAttentionRequest(Message):
    loss: AttentionLoss = choice(1, AttentionLoss)
    attention: Optional[AttentionMaps] = one(2, AttentionMaps)
    subjects: List[Subject] = many(3, Subject)
    gradient: bool = boolean(4)
    form: LossForm = choice(5, LossForm)
    end_of_text_index: int = int32(6)
    previous_cross: Optional[Tensor] = one(7, Tensor)


@dataclass(repr=False)
class EvaluateAttentionResponse(Message):
    loss: float = double(1)
    terms: Dict[str, float] = doubles_by_name(2)
    gradient: Optional[AttentionMaps] = one(3, AttentionMaps)


@dataclass(repr=False)
class FindSubjectsRequest(Message):
    prompt: Optional[Prompt] = one(1, Prompt)


@dataclass(repr=False)
class TextSpan(Message):
    start: int = int32(1)
    end: int = int32(2)


@dataclass(repr=False)
class FoundSubject(Message):
    subject: Optional[Subject] = one(1, Subject)
    words: List[TextSpan] = many(2, TextSpan)


@dataclass(repr=False)
class FindSubjectsResponse(Message):
    text: str = string(1)
    subjects: List[FoundSubject] = many(2, FoundSubject)


@dataclass(repr=False)
class ScoreImagesRequest(Message):
    images: List[bytes] = many(1, "bytes")
    prompt: str = string(2)
    verifiers: List[Verifier] = many(3, Verifier)


@dataclass(repr=False)
class ImageScore(Message):
    scores: Dict[str, float] = doubles_by_name(1)
    ensemble: float = double(2)


@dataclass(repr=False)
class ScoreImagesResponse(Message):
    scores: List[ImageScore] = many(1, ImageScore)
    warnings: List[str] = many(2, "string")


@dataclass(repr=False)
class GetSearchRequest(Message):
    search_id: str = string(1)


@dataclass(repr=False)
class GetSearchResponse(Message):
    request: Optional[OptimizeNoiseRequest] = one(1, OptimizeNoiseRequest)
    state: SearchState = choice(2, SearchState)
    summary: Optional[Summary] = one(3, Summary)
    error: str = string(4)


@dataclass(repr=False)
class SampleNoiseRequest(Message):
    recipes: List[NoiseRecipe] = many(1, NoiseRecipe)


@dataclass(repr=False)
class SampleNoiseResponse(Message):
    noise: List[Tensor] = many(1, Tensor)


@dataclass(repr=False)
class ReleaseMemoryRequest(Message):
    pass


@dataclass(repr=False)
class ReleaseMemoryResponse(Message):
    bytes_freed: int = int64(1)


@dataclass(repr=False)
class GetCapabilitiesRequest(Message):
    pass


@dataclass(repr=False)
class Device(Message):
    name: str = string(1)
    memory_total: int = int64(2)
    memory_free: int = int64(3)


@dataclass(repr=False)
class Backbone(Message):
    id: str = string(1)
    family: str = string(2)
    file: str = string(3)
    sha256: str = string(4)
    loaded: bool = boolean(5)
    native_size: int = int32(6)
    attention: bool = boolean(7)
    bytes: int = int64(8)
    problem: str = string(9)
    prediction: str = string(10)


@dataclass(repr=False)
class VerifierInfo(Message):
    name: str = string(1)
    available: bool = boolean(2)
    reason: str = string(3)
    title: str = string(4)
    reads_prompt: bool = boolean(5)
    differentiable: bool = boolean(6)
    takes_label: bool = boolean(7)
    takes_instructions: bool = boolean(8)


@dataclass(repr=False)
class Limits(Message):
    message_bytes: int = int32(1)
    side: int = int32(2)
    steps: int = int32(3)
    loss_evaluations: int = int32(4)
    function_evaluations: int = int32(5)
    wall_time: Optional[Duration] = one(6, Duration)
    prompt_length: int = int32(7)
    subjects: int = int32(8)
    recipes: int = int32(9)
    noise_values: int = int32(10)
    searches: int = int32(11)
    images: int = int32(12)
    image_pixels: int = int32(13)
    verifiers: int = int32(14)


@dataclass(repr=False)
class LoraInfo(Message):
    name: str = string(1)
    file: str = string(2)
    bytes: int = int64(3)
    problem: str = string(4)


@dataclass(repr=False)
class Peer(Message):
    address: str = string(1)
    state: PeerState = choice(2, PeerState)
    reason: str = string(3)


@dataclass(repr=False)
class GetCapabilitiesResponse(Message):
    version: str = string(1)
    devices: List[Device] = many(2, Device)
    backbones: List[Backbone] = many(3, Backbone)
    losses: List[AttentionLoss] = many(4, AttentionLoss)
    algorithms: List[SearchAlgorithm] = many(5, SearchAlgorithm)
    verifiers: List[VerifierInfo] = many(6, VerifierInfo)
    limits: Optional[Limits] = one(7, Limits)
    default_backbone: str = string(8)
    loras: List[LoraInfo] = many(9, LoraInfo)
    peers: List[Peer] = many(10, Peer)


Event = Union[Accepted, Progress, Candidate, Summary]  # what a search streams
