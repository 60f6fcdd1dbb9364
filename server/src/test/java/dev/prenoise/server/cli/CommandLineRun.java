package dev.prenoise.server.cli;

import dev.prenoise.server.FakeCatalog;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a command line did.
 *
 * @param err lines of standard error
 */
record CommandLineRun(int exit, String out, List<String> err) {
    /** With the fake as the service in this process. */
    static CommandLineRun of(FakeService service, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Console console = new Console(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                false);
        int exit = Main.run(console, folders -> new FakeCatalog(), folders -> service.open(), arguments);
        return new CommandLineRun(
                exit,
                out.toString(StandardCharsets.UTF_8),
                err.toString(StandardCharsets.UTF_8).lines().toList());
    }
}
