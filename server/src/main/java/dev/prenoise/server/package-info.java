/** The sidecar process. Start reading at {@code cli.Main}. */
@NullMarked
package dev.prenoise.server;

import org.jspecify.annotations.NullMarked;
