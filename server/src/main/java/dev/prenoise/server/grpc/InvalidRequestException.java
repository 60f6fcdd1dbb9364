package dev.prenoise.server.grpc;

import dev.prenoise.server.grpc.Violations.Violation;
import java.util.List;
import java.util.stream.Collectors;

/** A request has bad fields. */
final class InvalidRequestException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient List<Violation> violations;

    InvalidRequestException(List<Violation> violations) {
        super(violations.stream().map(Violation::toString).collect(Collectors.joining("; ")));
        this.violations = List.copyOf(violations);
    }

    List<Violation> violations() {
        return violations;
    }
}
