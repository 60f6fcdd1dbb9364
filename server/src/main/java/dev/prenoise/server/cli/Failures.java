package dev.prenoise.server.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.Status;
import dev.prenoise.engine.ModelException;
import dev.prenoise.server.ops.StartException;
import dev.prenoise.server.queue.QueueException;
import io.grpc.Metadata;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Objects;
import java.util.stream.Collectors;

/** Turns what a call or a command threw into one readable line. */
final class Failures {
    private static final Metadata.Key<byte[]> STATUS_DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

    private Failures() {}

    /**
     * @param service the called service's name
     */
    static CliException of(StatusRuntimeException failure, String service) {
        return new CliException(describe(failure, service), failure);
    }

    /** Whatever is no {@link CliException} is a defect of Prenoise, or an unforeseen state of the machine. */
    static String describe(Throwable failure) {
        if (failure instanceof CliException
                || failure instanceof StartException
                || failure instanceof QueueException
                || failure instanceof ModelException) {
            return oneLine(failure);
        }
        if (failure instanceof OutOfMemoryError) {
            return "out of memory: " + oneLine(String.valueOf(failure.getMessage()))
                    + " (PRENOISE_JAVA_OPTS=-Xmx4g gives Java more)";
        }
        return "internal error: " + oneLine(failure.toString()) + " (--verbose shows where)";
    }

    private static String describe(StatusRuntimeException failure, String service) {
        String description = Objects.toString(failure.getStatus().getDescription(), "");
        return switch (failure.getStatus().getCode()) {
            case INVALID_ARGUMENT -> violations(failure, description);
            case UNAVAILABLE ->
                !isConnectionLost(failure)
                        ? description
                        : "cannot reach " + service + reason(failure, description)
                                + " (is `prenoise serve` running there?)";
            case UNAUTHENTICATED -> service + " wants another token (--token, --token-file)" + colon(description);
            case DEADLINE_EXCEEDED -> service + " did not answer in time" + colon(description);
            default -> description.isEmpty() ? failure.getStatus().getCode().name() : description;
        };
    }

    /** Whether it is the connection that failed: the service itself sends its sentences encoded too. */
    static boolean isConnectionLost(StatusRuntimeException failure) {
        Metadata trailers = failure.getTrailers();
        return failure.getStatus().getCode() == Code.UNAVAILABLE
                && (trailers == null || !trailers.containsKey(STATUS_DETAILS));
    }

    private static String violations(StatusRuntimeException failure, String description) {
        Status status = StatusProto.fromThrowable(failure);
        if (status == null) {
            return description;
        }
        String fields = status.getDetailsList().stream()
                .filter(detail -> detail.is(BadRequest.class))
                .flatMap(detail -> badRequest(detail).getFieldViolationsList().stream())
                .map(violation -> violation.getField() + ": " + violation.getDescription())
                .collect(Collectors.joining("; "));
        return fields.isEmpty() ? description : fields;
    }

    private static BadRequest badRequest(Any detail) {
        try {
            return detail.unpack(BadRequest.class);
        } catch (InvalidProtocolBufferException e) {
            return BadRequest.getDefaultInstance();
        }
    }

    /** gRPC says "io exception"; what happened is in the innermost cause. */
    private static String reason(StatusRuntimeException failure, String description) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return colon(cause == failure ? description : Objects.toString(cause.getMessage(), cause.toString()));
    }

    private static String colon(String text) {
        return text.isEmpty() ? "" : ": " + text;
    }

    static String oneLine(Throwable failure) {
        return oneLine(Objects.requireNonNullElse(failure.getMessage(), failure.toString()));
    }

    private static String oneLine(String text) {
        return text.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.joining(" | "));
    }
}
