package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.server.FakeCatalog;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/** The commands of docker/compose.study.yaml, read by the command line's own parser. */
class ComposeTest {
    private static final String STUDY = "/studies/mine.yaml";

    /** What follows "prenoise study". */
    private static ParseResult parsed(String service) throws Exception {
        Map<?, ?> file = (Map<?, ?>) new Load(LoadSettings.builder().build())
                .loadFromString(Files.readString(Path.of("../docker/compose.study.yaml")));
        Map<?, ?> services = (Map<?, ?>) file.get("services");
        List<String> command = new ArrayList<>();
        for (Object word : (List<?>) ((Map<?, ?>) services.get(service)).get("command")) {
            command.add(((String) word).replace("${STUDY:-first-study}", STUDY));
        }
        assertThat(command).first().isEqualTo("study");
        PrintStream nowhere = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
        CommandLine line = StudyCommand.line(new Console(nowhere, nowhere, false), options -> new FakeCatalog());
        return line.parseArgs(command.subList(1, command.size()).toArray(String[]::new));
    }

    @Test
    void study_coordinatorAndWorkers_haveTheSameModelsAndVerifiers() throws Exception {
        ParseResult coordinator = parsed("study");
        ParseResult worker = parsed("worker").subcommand();

        assertThat(coordinator.matchedPositionals().get(0).<String>getValue()).isEqualTo(STUDY);
        assertThat(coordinator.hasMatchedOption("--no-compute")).isTrue();
        for (String folders : List.of("--models", "--verifiers")) {
            assertThat(coordinator.matchedOption(folders).<List<Path>>getValue())
                    .containsExactly(Path.of("/models"));
            assertThat(worker.matchedOption(folders).<List<Path>>getValue()).containsExactly(Path.of("/models"));
        }
    }
}
