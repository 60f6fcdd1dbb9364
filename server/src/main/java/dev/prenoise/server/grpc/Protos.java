package dev.prenoise.server.grpc;

import com.google.protobuf.Duration;

/** The one place that maps messages to domain records and back. */
final class Protos {
    private Protos() {}

    static Duration duration(java.time.Duration duration) {
        return Duration.newBuilder()
                .setSeconds(duration.getSeconds())
                .setNanos(duration.getNano())
                .build();
    }
}
