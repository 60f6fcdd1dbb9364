/**
 * The sidecar as a process: where it listens, who may call, health, reflection, drain. Start reading at {@code SidecarServer}.
 *
 * <p>Knows gRPC servers; knows nothing of what a request means.
 */
@NullMarked
package dev.prenoise.server.ops;

import org.jspecify.annotations.NullMarked;
