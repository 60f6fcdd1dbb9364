/**
 * Puts the rooms together: a checkpoint becomes a model that can be searched on and drawn with, within the memory that there is.
 *
 * <p>Start reading at {@link dev.prenoise.engine.Model} and {@code DiffusionModel}; who must leave the device so that another fits stands in
 * {@code ModelMemory}, what a request will take in {@code UNetFootprint}. A session on a caller's own model, who is asked for maps, pictures and
 * gradients, is {@link dev.prenoise.engine.HostSession}.
 */
@NullMarked
package dev.prenoise.engine;

import org.jspecify.annotations.NullMarked;
