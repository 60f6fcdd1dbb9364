/**
 * The built-in world: scenes, captions, renderer, exact oracle, and the small model trained on it.
 *
 * <p>Knows what its pictures show and what its prompts ask for, and how to say how often the two agree. Pure Java: no tensors, no model is
 * run here. Start reading at {@link dev.prenoise.shapes.Scene} and {@link dev.prenoise.shapes.Renderer} for the world, at {@link
 * dev.prenoise.shapes.Oracle} for judging, at {@link dev.prenoise.shapes.PromptSuite} and {@link dev.prenoise.shapes.BestOfN} for measuring,
 * at {@link dev.prenoise.shapes.ShapesModel} for the weights.
 */
@NullMarked
package dev.prenoise.shapes;

import org.jspecify.annotations.NullMarked;
