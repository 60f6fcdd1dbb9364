/**
 * The built-in world: scenes, captions, renderer, exact oracle, and the small model trained on it.
 */
@NullMarked
package dev.prenoise.shapes;

import org.jspecify.annotations.NullMarked;
