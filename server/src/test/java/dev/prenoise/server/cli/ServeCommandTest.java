package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.server.FakeCatalog;
import dev.prenoise.server.SearchClient;
import dev.prenoise.server.TestSidecar;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.server.ops.SidecarConfig;
import dev.prenoise.server.ops.SidecarServer;
import io.grpc.ManagedChannel;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ServeCommandTest {
    @TempDir
    private Path folder;

    @Test
    void start_freePort_saysWhichInOneLineAndAnswersThere() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ServeCommand command =
                new ServeCommand(new Console(new PrintStream(out), System.err, false), folders -> new FakeCatalog());
        new CommandLine(command).parseArgs("--port", "0", "--data", folder.toString());

        try (SidecarServer server = command.start()) {
            assertThat(server).isNotNull();
            String line = out.toString().strip();
            assertThat(line).matches("prenoise \\S+ listening on 127\\.0\\.0\\.1:[1-9][0-9]*");
            CommandLineRun run = CommandLineRun.of(
                    new FakeService(), "capabilities", "--target", line.substring(line.lastIndexOf(' ') + 1));
            assertThat(run.exit()).isZero();
            assertThat(run.out()).contains("version   " + ProductVersion.get(), "BACKBONE ", FakeCatalog.ID);
        }
    }

    @Test
    void start_withToken_letsInWhoHasIt() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef\n");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ServeCommand command =
                new ServeCommand(new Console(new PrintStream(out), System.err, false), options -> new FakeCatalog());
        new CommandLine(command)
                .parseArgs("--port", "0", "--data", folder.toString(), "--token-file", token.toString());

        try (SidecarServer server = command.start()) {
            assertThat(server).isNotNull();
            String target = out.toString().strip().replaceAll(".* ", "");
            assertThat(capabilities(target, "--token-file", token.toString()).exit())
                    .isZero();
            assertThat(capabilities(target, "--token", "0123456789abcdef").exit())
                    .isZero();
            CommandLineRun refused = capabilities(target, "--token", "another one");
            assertThat(refused.exit()).isEqualTo(2);
            assertThat(refused.err())
                    .singleElement()
                    .asString()
                    .startsWith("prenoise: " + target + " wants another token (--token, --token-file)");
        }
    }

    @Test
    void serve_portInUse_isOneLineAndExitCode2() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            CommandLineRun run = serve("--port", Integer.toString(taken.getLocalPort()));

            assertThat(run.exit()).isEqualTo(2);
            assertThat(run.out()).isEmpty();
            assertThat(run.err())
                    .singleElement()
                    .asString()
                    .contains("cannot listen on 127.0.0.1:" + taken.getLocalPort());
        }
    }

    @Test
    void serve_everyAddressWithoutProtection_isRefused() {
        CommandLineRun run = serve("--host", "0.0.0.0", "--port", "0");

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).singleElement().asString().contains("0.0.0.0", "TLS", "token");
    }

    @Test
    void serve_shortToken_isRefused() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "short\n");

        CommandLineRun run = serve("--port", "0", "--token-file", token.toString());

        assertThat(run.exit()).isEqualTo(2);
        assertThat(run.err()).singleElement().asString().contains("token: 5 characters");
    }

    private static CommandLineRun capabilities(String target, String option, String value) {
        return CommandLineRun.of(new FakeService(), "capabilities", "--target", target, option, value);
    }

    private CommandLineRun serve(String... arguments) {
        String[] all = new String[arguments.length + 3];
        all[0] = "serve";
        all[1] = "--data";
        all[2] = folder.toString();
        System.arraycopy(arguments, 0, all, 3, arguments.length);
        return CommandLineRun.of(new FakeService(), all);
    }

    @Test
    void start_peersWithTheirToken_areUsedAndWithoutItSaidNotToBe() throws Exception {
        Path token = Files.writeString(folder.resolve("token"), "0123456789abcdef\n");
        try (TestSidecar peer = TestSidecar.onLoopback(SidecarConfig.DEFAULT.withToken("0123456789abcdef"))) {
            String address = "127.0.0.1:" + peer.port;
            assertThat(warnings("--peers", address, "--peer-token-file", token.toString()))
                    .isEmpty();
            assertThat(warnings("--peers", address))
                    .containsExactly(
                            "peer " + address
                                    + " is not used: UNAUTHENTICATED, authorization: missing or wrong (expected: Bearer TOKEN)");
        }
    }

    /** Of a search by a sidecar that is started so. */
    private List<String> warnings(String... options) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ServeCommand command =
                new ServeCommand(new Console(new PrintStream(out), System.err, false), folders -> new FakeCatalog());
        List<String> args = new ArrayList<>(List.of("--port", "0", "--data", folder.toString()));
        args.addAll(List.of(options));
        new CommandLine(command).parseArgs(args.toArray(String[]::new));
        try (SidecarServer server = command.start()) {
            assertThat(server).isNotNull();
            ManagedChannel channel =
                    TestSidecar.connect(Integer.parseInt(out.toString().strip().replaceAll(".*:", "")));
            SearchClient search =
                    SearchClient.start(channel, TestSidecar.request(4).build());
            assertThat(search.summary().getBestCount()).isOne();
            channel.shutdownNow();
            return search.messages().get(0).getAccepted().getWarningsList();
        }
    }

    @Test
    void start_peersThatAreNoAddresses_saysWhatWasExpected() {
        ServeCommand command =
                new ServeCommand(new Console(System.out, System.err, false), folders -> new FakeCatalog());
        new CommandLine(command).parseArgs("--port", "0", "--data", folder.toString(), "--peers", "dns:///nowhere");

        assertThatThrownBy(command::start)
                .isInstanceOf(CliException.class)
                .hasMessage("--peers: nowhere (expected: host:port, such as 127.0.0.1:50551)");
    }
}
