/**
 * The sidecar process. Start reading at {@code cli.Main}; a server without the command line is {@code ops.SidecarServer}.
 *
 * <p>Rooms, ground floor first: {@code store} (SQLite, knows domain records only), {@code jobs} (lanes and running searches),
 * {@code grpc} (the contract), {@code ops} (the process: addresses, TLS, token, health, drain), {@code cli}. A room imports only rooms
 * before it.
 */
@NullMarked
package dev.prenoise.server;

import org.jspecify.annotations.NullMarked;
