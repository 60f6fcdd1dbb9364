package dev.prenoise.engine;

/**
 * @param name "cpu", "cuda:0", "mps"
 * @param memoryTotal bytes; 0 = not known
 * @param memoryFree bytes that could be had now
 */
public record DeviceInfo(String name, long memoryTotal, long memoryFree) {}
