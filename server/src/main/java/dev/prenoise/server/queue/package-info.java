/**
 * A study's work on its way to several machines, through NATS JetStream. Knows the study room's queue and its records, and nothing of what
 * is computed, of gRPC or of the command line.
 *
 * <p>Start reading at {@code JetStreamQueue}, the queue of one study; {@code JetStreamQueues} is a worker's view of all that a server has.
 * {@code QueueLink} is the connection: what happens while the server is away is told there. {@code Traces} tell who died in a unit.
 */
@NullMarked
package dev.prenoise.server.queue;

import org.jspecify.annotations.NullMarked;
