package dev.prenoise.server.grpc;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.prenoise.engine.HostAnswerException;
import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.OutOfDeviceMemoryException;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.server.grpc.Violations.Violation;
import dev.prenoise.server.jobs.BusyException;
import dev.prenoise.server.jobs.OtherWeightsException;
import dev.prenoise.server.jobs.SearchExistsException;
import dev.prenoise.server.jobs.ShuttingDownException;
import dev.prenoise.server.jobs.WeightsChangedException;
import dev.prenoise.tensor.DeviceMemory;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.verifier.VerifierException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a failure is to the caller. */
final class Statuses {
    private static final Logger LOG = LoggerFactory.getLogger(Statuses.class);

    /** In bytes. A status travels in the trailers, once as escaped text and once encoded, and peers take 8 kB of those altogether. */
    private static final int LONGEST_TEXT = 1000;

    /** Code points at each end of a longer text: with 4 bytes each they fit. */
    private static final int KEPT = 120;

    private Statuses() {}

    static StatusRuntimeException of(Throwable failure) {
        if (failure instanceof StatusRuntimeException status) {
            return status;
        }
        if (failure instanceof InvalidRequestException invalid) {
            return invalid(invalid.violations());
        }
        if (failure instanceof InvalidFieldException invalid) {
            return invalid(List.of(new Violation(invalid.field(), invalid.description())));
        }
        if (failure instanceof HostAnswerException unfit) {
            return invalid(List.of(new Violation(unfit.field(), unfit.description())));
        }
        if (failure instanceof HostFailedException host) {
            return status(host.code(), host.getMessage());
        }
        if (failure instanceof UnknownBackboneException) {
            return status(Code.NOT_FOUND, failure.getMessage());
        }
        if (failure instanceof SearchExistsException) {
            return status(Code.ALREADY_EXISTS, failure.getMessage());
        }
        if (failure instanceof BusyException busy) {
            return busy(busy);
        }
        if (failure instanceof ShuttingDownException) {
            return status(Code.UNAVAILABLE, failure.getMessage());
        }
        if (failure instanceof OutOfDeviceMemoryException) {
            return status(Code.RESOURCE_EXHAUSTED, failure.getMessage());
        }
        if (DeviceMemory.isExhaustion(failure)) {
            LOG.warn("out of memory", failure);
            return status(
                    Code.RESOURCE_EXHAUSTED,
                    "out of memory: ask for a smaller picture, or free memory with ReleaseMemory and try again");
        }
        if (failure instanceof ModelException
                || failure instanceof WeightsChangedException
                || failure instanceof OtherWeightsException
                || failure instanceof VerifierException
                || failure instanceof SafetensorsException) {
            return status(Code.FAILED_PRECONDITION, failure.getMessage());
        }
        String id = UUID.randomUUID().toString().substring(0, 8);
        LOG.error("internal error {}", id, failure);
        return status(Code.INTERNAL, "internal error " + id + ": the sidecar's log has it under this number");
    }

    static StatusRuntimeException notFound(String sentence) {
        return status(Code.NOT_FOUND, sentence);
    }

    static StatusRuntimeException unavailable(String sentence) {
        return status(Code.UNAVAILABLE, sentence);
    }

    static StatusRuntimeException exhausted(String sentence) {
        return status(Code.RESOURCE_EXHAUSTED, sentence);
    }

    static StatusRuntimeException interrupted(String searchId) {
        return status(
                Code.UNAVAILABLE,
                "the sidecar is shutting down; send the request again with search_id \"" + searchId
                        + "\" to go on from here");
    }

    static StatusRuntimeException cancelled(String sentence) {
        return status(Code.CANCELLED, sentence);
    }

    static StatusRuntimeException cancelled() {
        return cancelled("the search was cancelled");
    }

    private static StatusRuntimeException invalid(List<Violation> violations) {
        BadRequest.Builder details = BadRequest.newBuilder();
        StringBuilder message = new StringBuilder();
        int bytes = 0;
        for (int i = 0; i < violations.size(); i++) {
            String text = clipped(violations.get(i).toString());
            bytes += bytes(text);
            if (i > 0 && bytes > LONGEST_TEXT) {
                message.append("; and ").append(violations.size() - i).append(" more");
                break;
            }
            message.append(i == 0 ? "" : "; ").append(text);
            details.addFieldViolationsBuilder()
                    .setField(violations.get(i).field())
                    .setDescription(clipped(violations.get(i).description()));
        }
        return StatusProto.toStatusRuntimeException(Status.newBuilder()
                .setCode(Code.INVALID_ARGUMENT_VALUE)
                .setMessage(message.toString())
                .addDetails(Any.pack(details.build()))
                .build());
    }

    private static StatusRuntimeException busy(BusyException busy) {
        RetryInfo retry = RetryInfo.newBuilder()
                .setRetryDelay(Protos.duration(busy.retryDelay()))
                .build();
        return StatusProto.toStatusRuntimeException(Status.newBuilder()
                .setCode(Code.RESOURCE_EXHAUSTED_VALUE)
                .setMessage(String.valueOf(busy.getMessage()))
                .addDetails(Any.pack(retry))
                .build());
    }

    private static StatusRuntimeException status(Code code, @Nullable String message) {
        return StatusProto.toStatusRuntimeException(Status.newBuilder()
                .setCode(code.getNumber())
                .setMessage(clipped(String.valueOf(message)))
                .build());
    }

    /** Leaves out the middle: the field stands at the start, what was expected at the end. */
    private static String clipped(String text) {
        if (bytes(text) <= LONGEST_TEXT) {
            return text;
        }
        return text.substring(0, text.offsetByCodePoints(0, KEPT)) + " ... "
                + text.substring(text.offsetByCodePoints(text.length(), -KEPT));
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
