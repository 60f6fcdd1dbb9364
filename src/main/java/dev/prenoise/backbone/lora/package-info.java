/**
 * LoRA files of every common format, and what they change in a network's weights. Start reading at {@link
 * dev.prenoise.backbone.lora.LoraMerge}.
 */
@NullMarked
package dev.prenoise.backbone.lora;

import org.jspecify.annotations.NullMarked;
