/**
 * The command line: {@code prenoise optimize | serve | capabilities | doctor}.
 *
 * <p>Searches are always made as a gRPC client of the service, in this process or at an address; this room knows the wire contract and
 * pictures, and nothing of models. Start reading at {@code Main}, then {@code OptimizeCommand}.
 */
@NullMarked
package dev.prenoise.server.cli;

import org.jspecify.annotations.NullMarked;
