package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs a copy of {@code ./prenoise} in a folder whose name has spaces, with programs on PATH that only say how they were called. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a POSIX shell script; Windows has prenoise.cmd")
class LauncherTest {
    private static final List<String> TOOLS =
            List.of("dirname", "readlink", "sed", "head", "tail", "find", "mkdir", "ln", "rm", "mv", "sleep", "uname");

    @TempDir
    private Path folder;

    private Path project;
    private Path bin;

    @BeforeEach
    void setUp() throws IOException {
        project = Files.createDirectories(folder.resolve("a project with spaces"));
        bin = Files.createDirectories(folder.resolve("bin"));
        for (String tool : TOOLS) {
            script(bin.resolve(tool), "exec " + find(tool) + " \"$@\"\n");
        }
        Path launcher = Files.copy(Path.of("..", "prenoise"), project.resolve("prenoise"));
        Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(project.resolve("pom.xml"), "<project/>");
        for (String name : List.of(".mvn", "proto", "src/main", "src/test", "server/src/main")) {
            Files.createDirectories(project.resolve(name));
        }
    }

    @Test
    void launch_built_runsJavaInTheCallersFolderWithTheOptions() throws Exception {
        java(bin, "17.0.15");
        built();
        Path elsewhere = Files.createDirectories(folder.resolve("some where"));

        Result result = launch(elsewhere, Map.of("PRENOISE_JAVA_OPTS", "-Xmx5g -Da=b"), "optimize", "a red  circle");

        assertThat(result.exit).isZero();
        assertThat(result.err).isEmpty();
        assertThat(result.out)
                .contains("cwd=" + elsewhere.toRealPath())
                .contains("OMP_WAIT_POLICY=PASSIVE THP_MEM_ALLOC_ENABLE=1 OPT_OUT_TRACKING=true DJL_OFFLINE=true")
                .contains("MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592 MALLOC_ARENA_MAX=1");
        assertThat(result.arguments())
                .containsSubsequence("-Xmx2g", "-Djava.awt.headless=true", "-Xmx5g", "-Da=b", "-jar")
                .endsWith(
                        "-jar",
                        project.toRealPath()
                                .resolve("server/target/prenoise.jar")
                                .toString(),
                        "optimize",
                        "a red  circle")
                .doesNotContain("--enable-native-access=ALL-UNNAMED");
    }

    @Test
    void launch_java25_allowsNativeCode() throws Exception {
        java(bin, "25.0.1");
        built();

        assertThat(launch(folder, Map.of()).arguments())
                .contains("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow");
    }

    @Test
    void launch_userSetOptions_areKept() throws Exception {
        java(bin, "17.0.15");
        built();

        assertThat(launch(
                                folder,
                                Map.of(
                                        "OMP_WAIT_POLICY",
                                        "ACTIVE",
                                        "THP_MEM_ALLOC_ENABLE",
                                        "0",
                                        "DJL_OFFLINE",
                                        "false"))
                        .out)
                .contains("OMP_WAIT_POLICY=ACTIVE THP_MEM_ALLOC_ENABLE=0 OPT_OUT_TRACKING=true DJL_OFFLINE=false");
    }

    @Test
    void launch_throughRelativeSymbolicLink_findsItsOwnFolder() throws Exception {
        java(bin, "17.0.15");
        built();
        Path links = Files.createDirectories(folder.resolve("links"));
        Files.createSymbolicLink(links.resolve("first"), Path.of("../a project with spaces/prenoise"));
        Files.createSymbolicLink(links.resolve("second"), Path.of("first"));

        Result result = run(folder, Map.of(), List.of(links.resolve("second").toString(), "serve"));

        assertThat(result.arguments())
                .contains(project.toRealPath()
                        .resolve("server/target/prenoise.jar")
                        .toString());
    }

    @Test
    void launch_noJava_saysWhatToInstall() throws Exception {
        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err.lines()).singleElement().asString().contains("no Java 17 or newer found", "JAVA_HOME");
    }

    @Test
    void launch_onlyJava11_namesIt() throws Exception {
        java(bin, "11.0.2");

        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err.lines())
                .singleElement()
                .asString()
                .contains("no Java 17 or newer found", bin + "/java is Java 11");
    }

    @Test
    void launch_javaThatDoesNotRun_isNamed() throws Exception {
        script(bin.resolve("java"), "echo 'Unable to locate a Java Runtime' >&2; exit 1\n");

        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err.lines()).singleElement().asString().contains(bin + "/java does not run");
    }

    @Test
    void launch_javaHomeTooOld_usesTheOneOnPath() throws Exception {
        java(Files.createDirectories(folder.resolve("old jdk/bin")), "1.8.0_402");
        java(bin, "21");
        built();

        Result result =
                launch(folder, Map.of("JAVA_HOME", folder.resolve("old jdk").toString()));

        assertThat(result.exit).isZero();
        assertThat(result.out).contains("version=21");
    }

    @Test
    void launch_javaHomeGood_isPreferred() throws Exception {
        java(Files.createDirectories(folder.resolve("new jdk/bin")), "17.0.1");
        java(bin, "21");
        built();

        assertThat(launch(folder, Map.of("JAVA_HOME", folder.resolve("new jdk").toString())).out)
                .contains("version=17.0.1");
    }

    @Test
    void launch_notBuilt_buildsOnceThenRuns() throws Exception {
        java(bin, "17.0.15");
        javac();
        maven("mkdir -p server/target/lib; echo jar > server/target/prenoise.jar");

        Result first = launch(folder, Map.of(), "doctor");
        Result second = launch(folder, Map.of(), "doctor");

        assertThat(first.exit).isZero();
        assertThat(first.err.lines()).singleElement().asString().startsWith("prenoise: building");
        assertThat(first.arguments()).endsWith("doctor");
        assertThat(second.err).isEmpty();
        assertThat(project.resolve("server/target/launcher.lock")).doesNotExist();
    }

    @Test
    void launch_sourceNewerThanTheBuild_buildsAgainUntilItsUpToDate() throws Exception {
        java(bin, "17.0.15");
        javac();
        // As Maven does when nothing that goes into the jar has changed.
        maven(": leaves the jar alone");
        built();
        Path source = Files.writeString(project.resolve("src/main/New.java"), "class New {}");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().minusSeconds(1)));

        assertThat(launch(folder, Map.of()).err).contains("building");
        assertThat(launch(folder, Map.of()).err).isEmpty();
    }

    @Test
    void launch_testNewerThanTheBuild_doesNotBuild() throws Exception {
        java(bin, "17.0.15");
        built();
        Files.writeString(project.resolve("src/test/NewTest.java"), "class NewTest {}");

        assertThat(launch(folder, Map.of()).err).isEmpty();
    }

    @Test
    void launch_withoutSources_runsWhatIsThere() throws Exception {
        java(bin, "17.0.15");
        Path image = Files.createDirectories(folder.resolve("image"));
        Files.createDirectories(image.resolve("server/target/lib"));
        Files.writeString(image.resolve("server/target/prenoise.jar"), "jar");
        Files.copy(project.resolve("prenoise"), image.resolve("prenoise"), StandardCopyOption.COPY_ATTRIBUTES);

        Result result = run(folder, Map.of(), List.of(image.resolve("prenoise").toString(), "serve"));

        assertThat(result.err).isEmpty();
        assertThat(result.arguments()).endsWith("serve");
    }

    @Test
    void launch_buildFails_showsTheEndOfTheLog() throws Exception {
        java(bin, "17.0.15");
        javac();
        maven("echo 'cannot find symbol'; exit 1");

        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err).contains("the build failed", "cannot find symbol");
        assertThat(project.resolve("server/target/launcher.lock")).doesNotExist();
    }

    @Test
    void launch_noMaven_saysSo() throws Exception {
        java(bin, "17.0.15");
        javac();

        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err.lines()).singleElement().asString().contains("building needs Maven 3.8.7", "no mvn");
    }

    @Test
    void launch_noCompiler_saysSo() throws Exception {
        java(bin, "17.0.15");

        Result result = launch(folder, Map.of());

        assertThat(result.exit).isEqualTo(2);
        assertThat(result.err.lines()).singleElement().asString().contains("building needs a JDK", "no javac");
    }

    @Test
    void launch_twoAtOnce_buildOnce() throws Exception {
        java(bin, "17.0.15");
        javac();
        maven("echo build >> builds; sleep 1; mkdir -p server/target/lib; echo jar > server/target/prenoise.jar");

        Process first =
                start(folder, Map.of(), List.of(project.resolve("prenoise").toString()));
        Process second =
                start(folder, Map.of(), List.of(project.resolve("prenoise").toString()));

        assertThat(Result.of(first).exit).isZero();
        assertThat(Result.of(second).exit).isZero();
        assertThat(project.resolve("builds")).hasContent("build");
    }

    @Test
    void launch_lockOfADeadLauncher_isTakenOver() throws Exception {
        java(bin, "17.0.15");
        javac();
        maven("mkdir -p server/target/lib; echo jar > server/target/prenoise.jar");
        Process dead = new ProcessBuilder("true").start();
        dead.waitFor();
        Files.createDirectories(project.resolve("server/target"));
        Files.createSymbolicLink(project.resolve("server/target/launcher.lock"), Path.of(Long.toString(dead.pid())));

        assertThat(launch(folder, Map.of()).exit).isZero();
    }

    private void built() throws IOException {
        Files.createDirectories(project.resolve("server/target/lib"));
        Path jar = Files.writeString(project.resolve("server/target/prenoise.jar"), "jar");
        Instant before = Instant.now().minusSeconds(10);
        Files.setLastModifiedTime(jar, FileTime.from(before));
        try (Stream<Path> sources = Files.walk(project)) {
            for (Path source : sources.filter(path -> !path.equals(jar)).toList()) {
                Files.setLastModifiedTime(source, FileTime.from(before.minusSeconds(10)));
            }
        }
    }

    private void java(Path bin, String version) throws IOException {
        script(bin.resolve("java"), """
                if [ "$1" = -version ]; then echo 'openjdk version "VERSION" 2025-01-01' >&2; exit; fi
                if [ "$1" = -XshowSettings:properties ]; then echo '    java.home = HOME' >&2; exit; fi
                echo "version=VERSION"
                echo "cwd=$(pwd -P)"
                echo "OMP_WAIT_POLICY=$OMP_WAIT_POLICY THP_MEM_ALLOC_ENABLE=$THP_MEM_ALLOC_ENABLE OPT_OUT_TRACKING=$OPT_OUT_TRACKING DJL_OFFLINE=$DJL_OFFLINE"
                echo "MALLOC_MMAP_MAX_=$MALLOC_MMAP_MAX_ MALLOC_TRIM_THRESHOLD_=$MALLOC_TRIM_THRESHOLD_ MALLOC_ARENA_MAX=$MALLOC_ARENA_MAX"
                for argument in "$@"; do echo "argument=$argument"; done
                """.replace("VERSION", version)
                .replace("HOME", bin.getParent().toString()));
    }

    private void javac() throws IOException {
        script(bin.resolve("javac"), "exit 1\n");
    }

    private void maven(String body) throws IOException {
        script(bin.resolve("mvn"), body + "\n");
    }

    private static void script(Path path, String body) throws IOException {
        Files.writeString(path, "#!/bin/sh\n" + body);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static Path find(String tool) {
        return Stream.of("/bin", "/usr/bin")
                .map(folder -> Path.of(folder, tool))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no " + tool));
    }

    private Result launch(Path cwd, Map<String, String> environment, String... arguments) throws Exception {
        return run(
                cwd,
                environment,
                Stream.concat(Stream.of(project.resolve("prenoise").toString()), Stream.of(arguments))
                        .toList());
    }

    private Result run(Path cwd, Map<String, String> environment, List<String> command) throws Exception {
        return Result.of(start(cwd, environment, command));
    }

    private Process start(Path cwd, Map<String, String> environment, List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(cwd.toFile());
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        builder.environment().putAll(environment);
        return builder.start();
    }

    private record Result(int exit, String out, String err) {
        static Result of(Process process) throws Exception {
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes());
            String err = new String(process.getErrorStream().readAllBytes());
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            return new Result(process.exitValue(), out, err);
        }

        List<String> arguments() {
            return out.lines()
                    .filter(line -> line.startsWith("argument="))
                    .map(line -> line.substring("argument=".length()))
                    .toList();
        }
    }
}
