package dev.prenoise.server.cli;

import dev.prenoise.v1.NoiseProviderGrpc;
import dev.prenoise.v1.NoiseProviderGrpc.NoiseProviderBlockingStub;
import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/** An open way to the service. Closing it shuts the channel, and the service too where that runs in this process. */
final class Service implements AutoCloseable {
    /** Pictures of a whole contact sheet come in one message. */
    static final int MAX_MESSAGE_BYTES = 512 << 20;

    private static final long SHUTDOWN_SECONDS = 5;

    private final String name;
    private final ManagedChannel channel;
    private final Runnable stop;

    /**
     * @param name for messages: "this process", "127.0.0.1:50551"
     * @param stop called after the channel is shut
     */
    Service(String name, ManagedChannel channel, Runnable stop) {
        this.name = name;
        this.channel = channel;
        this.stop = stop;
    }

    String name() {
        return name;
    }

    NoiseProviderBlockingStub stub() {
        return NoiseProviderGrpc.newBlockingStub(channel).withMaxInboundMessageSize(MAX_MESSAGE_BYTES);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(SHUTDOWN_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        stop.run();
    }
}
