/**
 * Puts the rooms together: a backbone folder becomes a model that can be searched on and drawn with.
 */
@NullMarked
package dev.prenoise.engine;

import org.jspecify.annotations.NullMarked;
