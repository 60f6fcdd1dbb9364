package dev.prenoise.server.grpc;

import com.google.rpc.Code;

/** A host did not answer, or said that it cannot. */
final class HostFailedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Code code;

    HostFailedException(Code code, String message) {
        super(message);
        this.code = code;
    }

    Code code() {
        return code;
    }
}
