/**
 * The built-in world: scenes, captions, renderer, exact oracle, lessons for networks that judge, and the small networks trained on it.
 *
 * <p>Knows what its pictures show and what its prompts ask for, and how to say how often the two agree. Networks are handed
 * out, not run here. Start reading at {@link dev.prenoise.shapes.Scene} and {@link dev.prenoise.shapes.Renderer} for the world, at {@link
 * dev.prenoise.shapes.Oracle} for judging, at {@link dev.prenoise.shapes.PromptSuite} and {@link dev.prenoise.shapes.BestOfN} for measuring,
 * at {@link dev.prenoise.shapes.ShapesModel} and {@link
 * dev.prenoise.shapes.ShapesVerifiers} for the weights, at {@link dev.prenoise.shapes.Lessons} for teaching.
 */
@NullMarked
package dev.prenoise.shapes;

import org.jspecify.annotations.NullMarked;
