package dev.prenoise.server.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Which models this process has, and what computes them. */
final class ModelOptions {
    @Option(
            names = "--models",
            paramLabel = "DIR",
            description =
                    "A folder of models in diffusers layout; may be given again. The built-in model is always there.")
    private List<Path> folders = new ArrayList<>();

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "${env:PRENOISE_DEVICE:-}",
            description = "cpu, cuda, cuda:1 or mps. Default: the first CUDA device that libtorch sees, else the CPU.")
    private String device = "";

    List<Path> folders() {
        return folders;
    }

    /** "" = chosen by what there is. */
    String device() {
        return device;
    }
}
