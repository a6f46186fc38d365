"""What the files of a run may hold, checked where they are read: nothing behind has to check."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from ..errors import InputError
from ..settings import MOST_STEPS, Settings, recorded_settings

M = TypeVar("M", bound=BaseModel)
MOST_SIDE, MOST_PAIRS, MOST_PICTURES = 100_000, 10_000, 10_000


def _text(value: Any) -> str:
    # Not pydantic's own: names that are not UTF-8 hold surrogates, which it refuses.
    if not isinstance(value, str) or "\0" in value or len(value) > 4096:
        raise ValueError("must be text of at most 4,096 characters without NUL")
    return value


def _setting(value: Any) -> Any:
    for item in value if isinstance(value, list) and len(value) <= 1000 else [value]:
        if isinstance(item, str):
            _text(item)
        elif not isinstance(item, (type(None), bool, int, float)):
            raise ValueError("must be a number, a text, or a list of at most 1,000 of them")
    return value


Text = Annotated[str, PlainValidator(_text)]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Trial = Annotated[list[float], Field(min_length=3, max_length=3)] | None


class _Open(BaseModel):
    """Keys that are not named here may stand beside those that are."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Closed(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Result(_Open):
    sha256: Checksum


class _Picture(_Result):
    picture: Text | None
    width: Side | None = None
    height: Side | None = None
    credit: Text | None = None


class _One(_Picture):
    pictures: None = None


class _Several(_Picture):
    pictures: list[_One] | None = Field(None, max_length=MOST_PICTURES)


class _Weighting(_Closed):
    lam: NotNegative
    omega: list[NotNegative] = Field(max_length=100)
    tv: NotNegative


class _Change(_Weighting):
    step: Count


class _Stall(_Open):
    size: Side
    step: Count


class _Entry(_Stall):
    seconds: NotNegative
    loss: Number
    content: Number
    style: Number


class _Stage(_Closed):
    size: Side
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    precision: Literal["float32", "winograd", "mixed"]
    tile: Annotated[int, Field(ge=64, le=MOST_SIDE)] | None = None


class _Settings(BaseModel):
    """What a caption needs; `recorded_settings` checks all of them."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, PlainValidator(_setting)]]

    form: Text
    lam: NotNegative
    size: Side


class _Network(_Result):
    name: Text
    architecture: Text


class Pictured(_Open):
    """The record of any picture, be it of a run or a generator's translation."""

    picture: _Result


class Record(Pictured):
    """The record of a run, as JSON has it."""

    settings: _Settings
    content: _One
    style: _Several
    start: _One | None = None
    masks: _Several | None = None
    weights: _Network
    stopped: Text | None
    stalls: list[_Stall] = Field([], max_length=MOST_STEPS)
    changes: list[_Change] = Field([], max_length=MOST_STEPS)
    history: list[_Entry] = Field(max_length=MOST_STEPS)


class _Losses(_Closed):
    total: Number
    content: Number
    style: Number
    tv: Number
    box: Number
    layers: dict[Literal["content", "style"], dict[str, Number]]


class _Objective(_Weighting):
    box: NotNegative


class _State(_Closed):
    accepted: bool
    stalled: bool
    count: Count


class _SGD(_State):
    unit: NotNegative


class LBFGS(_State):
    """State of `optimizers.LBFGS` without its arrays; losses of a trial may be infinite."""

    loss: float
    gradient: None = None
    direction: None = None
    slope: float
    t: NotNegative
    low: Trial
    high: Trial
    trials: Count
    pairs: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(max_length=MOST_PAIRS)


STATES: dict[str, type[_State]] = {"lbfgs": LBFGS, "adam": _State, "sgd": _SGD}


class _Position(_Closed):
    weighting: _Weighting
    stage: Count
    done: Count
    fresh: bool
    seconds: NotNegative
    history: list[_Entry] = Field(max_length=MOST_STEPS)
    stalls: list[_Stall] = Field(max_length=MOST_STEPS)
    changes: list[_Change] = Field(max_length=MOST_STEPS)
    state: dict[str, Any]
    losses: _Losses | None
    weights: _Objective


class _Inputs(_Closed):
    content: _One
    style: _Several


class Facts(_Open):
    """The facts of a saved run: all that is no array."""

    settings: _Settings
    about: _Inputs
    start: _One | None
    masks: _Several | None = None
    weights: Checksum
    asked: dict[Text, Text]
    plan: list[_Stage] = Field(min_length=1, max_length=200)
    position: _Position


def checked(model: type[M], values: Any, where: str = "") -> M:
    """Values as a model has them; InputError names the key where they are not."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join([*filter(None, [where]), *map(str, first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{key or 'it'}: {said[0].lower()}{said[1:]}") from None


def replayable(options: dict[str, Any]) -> Settings:
    """The settings of a record or saved run; InputError where something in them is no more."""
    if options.get("init") == "noise" and "noise" not in options:
        raise InputError(
            "it started from the uniform noise that version 0.2 no longer has and cannot be made "
            "again; start a new run with --init noise"
        )
    return recorded_settings(options)


def check_weights(weightings: Iterable[dict[str, Any]], settings: Settings) -> None:
    """Refuse a list ω that has not one weight for each style layer."""
    for weighting in weightings:
        if len(weighting["omega"]) != len(settings.style_layers):
            raise InputError("changes: omega does not have a weight for each style layer")
