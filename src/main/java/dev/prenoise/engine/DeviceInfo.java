package dev.prenoise.engine;

/**
 * @param name "cpu", "cuda:0", "mps"
 * @param memoryTotal bytes
 * @param memoryFree bytes
 */
public record DeviceInfo(String name, long memoryTotal, long memoryFree) {}
