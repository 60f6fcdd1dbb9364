/**
 * The wire contract: validation, mapping between messages and domain records, statuses, streams with back-pressure. Start reading at
 * {@code NoiseProviderService}; a host that searches on its own model is {@code HostCall}.
 *
 * <p>Knows messages and calls; does not compute on a model and does not touch the database itself.
 */
@NullMarked
package dev.prenoise.server.grpc;

import org.jspecify.annotations.NullMarked;
