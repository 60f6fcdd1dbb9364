package dev.prenoise.server.grpc;

import io.grpc.ManagedChannelBuilder;
import java.util.function.Supplier;

/**
 * Where peers are.
 *
 * @param address as it was given, for messages
 * @param several whether its name may stand for several sidecars
 * @param channel a new way there
 */
public record PeerTarget(String address, boolean several, Supplier<ManagedChannelBuilder<?>> channel) {}
