"""Microsoft's Python runtime, called as the Functions host calls it.

The package azure-functions-runtime is the language worker's own code. In Azure it takes and returns the gRPC messages
of azure-functions-language-worker-protobuf; it finds their classes in the namespace that comes with the first request,
and reads nothing but attributes. So the plain classes here, with the same names and fields, stand for them. Of each
message they have the fields that the functions served here need.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import azure_functions_runtime as runtime

from local.functions_host.app_folder import HostError

_THREAD_COUNT = "PYTHON_THREADPOOL_THREAD_COUNT"

# Process-wide, as the runtime's own state is.
_running: set[str] = set()
_of_task: ContextVar[str | None] = ContextVar("invocation of an asynchronous function", default=None)


@dataclass(frozen=True, slots=True)
class RpcException:
    """What a function or the app's import raised: `TypeName: text`, and the stack trace."""

    message: str
    stack_trace: str


@dataclass(frozen=True, slots=True)
class StatusResult:
    """How a request ended."""

    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int
    exception: RpcException | None = None


@dataclass(frozen=True, slots=True)
class BindingInfo:
    """One binding of a function, with the fields that the runtime checks."""

    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: str
    data_type: int | None
    direction: int


@dataclass(frozen=True, slots=True)
class RpcRetryOptions:
    """A function's own retry policy, as its decorator declares it."""

    max_retry_count: int
    retry_strategy: str
    delay_interval: object = None
    minimum_interval: object = None
    maximum_interval: object = None


@dataclass(frozen=True, slots=True)
class RpcFunctionMetadata:
    """One function of the app's index; each of `raw_bindings` is the JSON of a function.json binding."""

    name: str
    function_id: str
    managed_dependency_enabled: bool
    directory: str
    script_file: str
    entry_point: str
    is_proxy: bool
    language: str
    bindings: Mapping[str, BindingInfo]
    raw_bindings: Sequence[str]
    retry_options: RpcRetryOptions | None
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ModelBindingData:
    """What a parameter of an SDK type is made from: `content` is JSON that names the resource."""

    version: str
    source: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CollectionString:
    """Several texts."""

    string: Sequence[str]


@dataclass(frozen=True, slots=True)
class TypedData:
    """A value of one of several kinds; exactly one field is set."""

    string: str | None = None
    json: str | None = None
    model_binding_data: ModelBindingData | None = None
    collection_string: CollectionString | None = None

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802  protobuf's name, which the runtime calls
        """Return the name of the field that is set; the only group is `data`."""
        assert group == "data"  # noqa: S101  the protocol has no other group
        return next((name for name in self.__slots__ if getattr(self, name) is not None), None)


@dataclass(frozen=True, slots=True)
class ParameterBinding:
    """The value of one function parameter."""

    name: str
    data: TypedData

    def WhichOneof(self, group: str) -> str:  # noqa: N802  protobuf's name, which the runtime calls
        """Return the name of the field that holds the value: shared memory is not used here."""
        assert group == "rpc_data"  # noqa: S101  the protocol has no other group
        return "data"


@dataclass(frozen=True, slots=True)
class WorkerMetadata:
    """What the worker says of itself."""

    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkerInitResponse:
    """Answer to the first request; a failure means that the app can't be imported or indexed."""

    capabilities: Mapping[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@dataclass(frozen=True, slots=True)
class FunctionEnvironmentReloadResponse:
    """Answer to the request that makes a placeholder the app's worker; a failure means the same."""

    result: StatusResult
    capabilities: Mapping[str, str] = field(default_factory=dict)
    worker_metadata: WorkerMetadata | None = None


@dataclass(frozen=True, slots=True)
class FunctionMetadataResponse:
    """The app's index; None where the folder holds no script."""

    use_default_metadata_indexing: bool
    function_metadata_results: Sequence[RpcFunctionMetadata] | None
    result: StatusResult


@dataclass(frozen=True, slots=True)
class FunctionLoadResponse:
    """Answer to the request to load one function."""

    function_id: str
    result: StatusResult


@dataclass(frozen=True, slots=True)
class InvocationResponse:
    """How an invocation ended."""

    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: Sequence[ParameterBinding] = ()


_MESSAGES = SimpleNamespace(
    BindingInfo=BindingInfo,
    FunctionEnvironmentReloadResponse=FunctionEnvironmentReloadResponse,
    FunctionLoadResponse=FunctionLoadResponse,
    FunctionMetadataResponse=FunctionMetadataResponse,
    InvocationResponse=InvocationResponse,
    ParameterBinding=ParameterBinding,
    RpcException=RpcException,
    RpcFunctionMetadata=RpcFunctionMetadata,
    RpcRetryOptions=RpcRetryOptions,
    StatusResult=StatusResult,
    TypedData=TypedData,
    WorkerInitResponse=WorkerInitResponse,
    WorkerMetadata=WorkerMetadata,
)


@dataclass(frozen=True, slots=True)
class _WorkerInitRequest:
    function_app_directory: str
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _FunctionEnvironmentReloadRequest:
    environment_variables: Mapping[str, str]
    function_app_directory: str


@dataclass(frozen=True, slots=True)
class _FunctionLoadRequest:
    function_id: str


@dataclass(frozen=True, slots=True)
class _TraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


@dataclass(frozen=True, slots=True)
class _InvocationRequest:
    invocation_id: str
    function_id: str
    input_data: Sequence[ParameterBinding]
    trigger_metadata: Mapping[str, TypedData]
    trace_context: _TraceContext = field(default_factory=_TraceContext)
    retry_context: _RetryContext = field(default_factory=_RetryContext)


@dataclass(frozen=True, slots=True)
class _StreamingMessage:
    worker_init_request: _WorkerInitRequest | None = None
    function_environment_reload_request: _FunctionEnvironmentReloadRequest | None = None
    function_load_request: _FunctionLoadRequest | None = None
    invocation_request: _InvocationRequest | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    request: _StreamingMessage
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What one invocation brings: the trigger's parameter, and data about the trigger by name."""

    parameter: ParameterBinding
    trigger_metadata: Mapping[str, TypedData]


async def load_app(folder: Path, environment: Mapping[str, str]) -> tuple[RpcFunctionMetadata, ...]:
    """Make a warm worker the app's, as on Flex Consumption: import and index the app in this folder.

    A warm worker is a placeholder, and has started its thread pool before it gets the app's settings. The runtime keeps
    its state in module variables: one app in a process.

    Args:
        folder: Of the app; it must be on `sys.path`.
        environment: Becomes the process's environment: app settings among the rest.

    Raises:
        HostError: The folder holds no app, the import raised, or a function's definition is not valid.

    """
    properties = {"host": "127.0.0.1", "protos": _MESSAGES}
    os.environ.pop(_THREAD_COUNT, None)
    runtime.start_threadpool_executor()
    init = _StreamingMessage(worker_init_request=_WorkerInitRequest(str(folder / "placeholder")))
    placeholder: WorkerInitResponse = await runtime.worker_init_request(_Request(init, properties))
    _check(placeholder.result)
    reload = _StreamingMessage(
        function_environment_reload_request=_FunctionEnvironmentReloadRequest(environment, str(folder))
    )
    try:
        answer: FunctionEnvironmentReloadResponse = await runtime.function_environment_reload_request(
            _Request(reload, properties)
        )
    except SystemExit as error:
        raise HostError(f"the app ended the process while it was imported: {error}") from error
    _check(answer.result)
    index: FunctionMetadataResponse = await runtime.functions_metadata_request(_Request(_StreamingMessage()))
    if not index.function_metadata_results:
        raise HostError(f"no functions in {folder}: it needs a function_app.py that defines some")
    for function in index.function_metadata_results:
        load = _StreamingMessage(function_load_request=_FunctionLoadRequest(function.function_id))
        loaded: FunctionLoadResponse = await runtime.function_load_request(_Request(load))
        _check(loaded.result)
    return tuple(index.function_metadata_results)


async def invoke(invocation_id: str, function_id: str, arguments: Arguments) -> RpcException | None:
    """Run one function to its end, a synchronous one in the worker's thread pool; return what it raised, or None."""
    message = _StreamingMessage(
        invocation_request=_InvocationRequest(
            invocation_id=invocation_id,
            function_id=function_id,
            input_data=[arguments.parameter],
            trigger_metadata=arguments.trigger_metadata,
        )
    )
    token = _of_task.set(invocation_id)
    _running.add(invocation_id)
    try:
        answer: InvocationResponse = await runtime.invocation_request(_Request(message))
    finally:
        _running.discard(invocation_id)
        _of_task.reset(token)
    return None if answer.result.status == StatusResult.Success else _read_error(answer.result)


def find_invocation() -> str | None:
    """Return the id of the running invocation that the worker finds for a log line of the calling thread, or None.

    For a synchronous function the worker looks at a context variable that the runtime sets in the function's own
    thread, for an asynchronous one at the task on its event loop (source: `get_current_invocation_id` in the worker's
    dispatcher).
    """
    invocation_id = runtime.invocation_id_cv.get() or (_of_task.get() if _is_on_event_loop() else None)
    return invocation_id if invocation_id in _running else None


def _is_on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check(result: StatusResult) -> None:
    if result.status != StatusResult.Success:
        error = _read_error(result)
        raise HostError(error.message, error.stack_trace)


def _read_error(result: StatusResult) -> RpcException:
    return result.exception or RpcException("the runtime gave no reason", "")
