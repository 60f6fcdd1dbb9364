import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Starts run_tests.py with whatever Python there is, for {@code mvn verify}: {@code java plugin-client/PythonTests.java}. The script then
 * chooses the interpreter that the tests run in. Without any Python it says so and is content, unless PRENOISE_REQUIRE_PYTHON=1.
 */
public class PythonTests {
    public static void main(String[] args) throws IOException, InterruptedException {
        Path script = Path.of(args.length > 0 ? args[0] : "plugin-client", "run_tests.py");
        List<String> names = new ArrayList<>(List.of("python3", "/usr/bin/python3", "python", "py"));
        String named = System.getenv("PRENOISE_PYTHON");
        if (named != null && !named.isBlank()) {
            names.add(0, named);
        }
        for (String name : names) {
            if (isPython3(name)) {
                ProcessBuilder builder = new ProcessBuilder(name, script.toString()).inheritIO();
                builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
                System.exit(builder.start().waitFor());
            }
        }
        boolean required = !List.of("", "0").contains(System.getenv().getOrDefault("PRENOISE_REQUIRE_PYTHON", ""));
        System.out.println("[python tests] no Python 3.9 or newer was found (looked for " + String.join(", ", names) + "): the Python tests are "
                + (required ? "required, so this is a failure" : "skipped"));
        System.exit(required ? 1 : 0);
    }

    /** Whether a program is a Python that can read the script. */
    private static boolean isPython3(String name) throws InterruptedException {
        try {
            return new ProcessBuilder(name, "-c", "import sys; sys.exit(sys.version_info < (3, 9))")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException missing) {
            return false;
        }
    }
}
