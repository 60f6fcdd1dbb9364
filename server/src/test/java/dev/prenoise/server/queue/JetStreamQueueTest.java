package dev.prenoise.server.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue;
import dev.prenoise.study.UnitQueue.Delivery;
import dev.prenoise.study.UnitResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JetStreamQueueTest extends UnitQueueContract {
    @TempDir
    static Path folder;

    private static NatsServer server;
    private static int count;

    private final List<QueueLink> links = new ArrayList<>();

    @BeforeAll
    static void start() throws Exception {
        server = NatsServer.start(folder);
    }

    @AfterAll
    static void stop() throws Exception {
        if (server != null) {
            server.close();
        }
    }

    @AfterEach
    void closeLinks() {
        links.forEach(QueueLink::close);
    }

    private QueueLink link() throws Exception {
        QueueLink link = QueueLink.open(server.options(FORGOTTEN), "test", line -> {});
        links.add(link);
        return link;
    }

    @Override
    UnitQueue fresh() throws Exception {
        return JetStreamQueue.create(link(), "fresh" + count++);
    }

    @Test
    void offer_ofMany_hasEachOnce_atWhoeverTakesFirst() throws Exception {
        JetStreamQueue coordinator = JetStreamQueue.create(link(), "many");
        List<Unit> units =
                IntStream.range(0, 600).mapToObj(UnitQueueContract::unit).toList();
        coordinator.offer(units);
        coordinator.offer(units);
        assertThat(coordinator.units()).isEqualTo(600);

        List<CompletableFuture<List<Unit>>> workers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            UnitQueue worker = JetStreamQueue.join(link(), "many");
            workers.add(CompletableFuture.supplyAsync(() -> takeAll(worker)));
        }
        List<Unit> taken = new ArrayList<>();
        for (CompletableFuture<List<Unit>> worker : workers) {
            assertThat(worker.get(30, TimeUnit.SECONDS)).isNotEmpty();
            taken.addAll(worker.get());
        }
        assertThat(taken).containsExactlyInAnyOrderElementsOf(units);
    }

    private static List<Unit> takeAll(UnitQueue worker) {
        List<Unit> taken = new ArrayList<>();
        try {
            for (Delivery<Unit> next = worker.take(Duration.ofSeconds(1));
                    next != null;
                    next = worker.take(Duration.ofSeconds(1))) {
                taken.add(next.content());
                next.acknowledge();
            }
            return taken;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** 3 MB that no compression makes smaller, and a server that takes 1 MB. */
    @Test
    void report_ofMoreThanAMessageTakes_arrivesWhole() throws Exception {
        JetStreamQueue coordinator = JetStreamQueue.create(link(), "large");
        StringBuilder noise = new StringBuilder();
        new Random(1).ints(3 << 20, 33, 127).forEach(code -> noise.append((char) code));
        UnitResult large = new UnitResult("a", "1", 1, 1, List.of(), Map.of("", noise.toString()), null);
        JetStreamQueue.join(link(), "large").report(large);

        try (Delivery<UnitResult> delivery = coordinator.result(Duration.ofSeconds(10))) {
            assertThat(Objects.requireNonNull(delivery, "a result").content()).isEqualTo(large);
        }
        Delivery<UnitResult> again = Objects.requireNonNull(coordinator.result(Duration.ofSeconds(10)), "given back");
        assertThat(again.content()).isEqualTo(large);
        again.acknowledge();
        assertThat(coordinator.result(Duration.ofMillis(200))).isNull();
        coordinator.remove();
        assertThat(JetStreamQueue.names(link())).doesNotContain("large");
    }

    @Test
    void queues_ofOneServer_servesThemInTurn_andReportsWhereAUnitCameFrom() throws Exception {
        JetStreamQueue first = JetStreamQueue.create(link(), "turn1");
        JetStreamQueue second = JetStreamQueue.create(link(), "turn2");
        first.offer(List.of(unit(1), unit(2)));
        second.offer(List.of(unit(3), unit(4)));
        JetStreamQueues worker = new JetStreamQueues(link(), name -> name.startsWith("turn"));
        List<Unit> order = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Delivery<Unit> delivery = Objects.requireNonNull(worker.take(Duration.ofSeconds(5)), "a unit");
            order.add(delivery.content());
            worker.report(UnitResult.failed(delivery.content().id(), "1", "x"));
            delivery.acknowledge();
        }

        assertThat(order.subList(0, 2)).containsExactlyInAnyOrder(unit(1), unit(3));
        assertThat(order).containsExactlyInAnyOrder(unit(1), unit(2), unit(3), unit(4));
        for (int i = 1; i <= 4; i++) {
            Delivery<UnitResult> result =
                    Objects.requireNonNull((i <= 2 ? first : second).result(Duration.ofSeconds(5)), "a result");
            assertThat(result.content().unit())
                    .isIn(i <= 2 ? List.of(unit(1).id(), unit(2).id()) : List.of(unit(3).id(), unit(4).id()));
            result.acknowledge();
        }
        first.remove();
        second.remove();
        assertThat(worker.take(Duration.ofMillis(100))).isNull();
    }

    @Test
    void report_toAQueueThatIsGone_isForgotten() throws Exception {
        JetStreamQueue coordinator = JetStreamQueue.create(link(), "gone");
        coordinator.offer(List.of(unit(1)));
        JetStreamQueues worker = new JetStreamQueues(link(), "gone"::equals);
        Delivery<Unit> delivery = Objects.requireNonNull(worker.take(Duration.ofSeconds(5)), "a unit");
        coordinator.remove();

        worker.report(UnitResult.failed(unit(1).id(), "1", "x"));
        delivery.acknowledge();
        assertThat(JetStreamQueue.names(link())).doesNotContain("gone");
    }

    /** Of a version whose messages have another form. */
    @Test
    void messages_ofAnotherForm_endNeitherAWorkerNorItsCoordinator() throws Exception {
        QueueLink stranger = link();
        JetStreamQueue queue = JetStreamQueue.create(link(), "forms");
        for (String form : List.of("{}", "[1]", "no JSON", "")) {
            String subject = "prenoise.forms.unit." + Math.abs(form.hashCode());
            stranger.stream().publish(subject, form.getBytes(StandardCharsets.UTF_8));
            assertThat(queue.take(Duration.ofSeconds(1))).as(form).isNull();
        }
        queue.offer(List.of(unit(1)));
        Delivery<Unit> taken = null;
        for (int i = 0; i < 20 && taken == null; i++) {
            taken = queue.take(Duration.ofSeconds(1));
        }
        assertThat(Objects.requireNonNull(taken, "a unit").content()).isEqualTo(unit(1));
        assertThat(queue.units()).as("left to others").isEqualTo(5);

        stranger.stream().publish("prenoise.forms.result.x", "no gzip".getBytes(StandardCharsets.UTF_8));
        queue.report(UnitResult.failed(unit(1).id(), "1", "x"));
        UnitResult result = null;
        for (int i = 0; i < 20 && result == null; i++) {
            Delivery<UnitResult> delivery = queue.result(Duration.ofSeconds(1));
            result = delivery == null ? null : delivery.content();
        }
        assertThat(Objects.requireNonNull(result, "a result").failure()).isEqualTo("x");
        queue.remove();
    }

    @Test
    void failure_inARunBeforeThisOne_isNotThisOnes() throws Exception {
        JetStreamQueue before = JetStreamQueue.create(link(), "runs");
        JetStreamQueue worker = JetStreamQueue.join(link(), "runs");
        before.offer(List.of(unit(1)));
        Delivery<Unit> first = Objects.requireNonNull(worker.take(Duration.ofSeconds(5)), "a unit");
        JetStreamQueue queue = JetStreamQueue.create(link(), "runs");
        worker.report(UnitResult.failed(unit(1).id(), "1", "then"));
        first.acknowledge();
        assertThat(queue.result(Duration.ofSeconds(1))).isNull();

        queue.offer(List.of(unit(1)));
        Objects.requireNonNull(worker.take(Duration.ofSeconds(5)), "a unit").acknowledge();
        worker.report(UnitResult.failed(unit(1).id(), "1", "now"));
        assertThat(Objects.requireNonNull(queue.result(Duration.ofSeconds(5)), "a result")
                        .content()
                        .failure())
                .isEqualTo("now");
        queue.remove();
    }

    private static Delivery<Unit> taken(UnitQueue worker) throws Exception {
        return Objects.requireNonNull(worker.take(Duration.ofSeconds(20)), "a unit");
    }

    /** A process that takes a unit, begins it and is killed: a server notices no more of it than that its connection ends. */
    private QueueLink dies(String worker, int deathsBefore) throws Exception {
        QueueLink link = link();
        assertThat(taken(JetStreamQueue.join(link, "deadly")).begin(worker)).hasSize(deathsBefore);
        return link;
    }

    @Test
    void begin_whereOthersDiedInIt_namesThem_andNobodyWhoIsThereOrGaveItBack() throws Exception {
        JetStreamQueue coordinator = JetStreamQueue.create(link(), "deadly");
        coordinator.offer(List.of(unit(1)));
        QueueLink silent = dies("ann-1", 0);
        // not heard for too long, but connected
        QueueLink bob = dies("bob-2", 0);
        silent.close();
        QueueLink stopped = link();
        try (Delivery<Unit> delivery = taken(JetStreamQueue.join(stopped, "deadly"))) {
            assertThat(delivery.begin("cid-3"))
                    .singleElement()
                    .asString()
                    .matches("ann-1, which began at [-0-9]{10}T[:0-9]{8}Z");
        }
        stopped.close();
        bob.close();
        Delivery<Unit> last = taken(coordinator);
        assertThat(last.begin("dan-4"))
                .satisfiesExactlyInAnyOrder(line -> assertThat(line).startsWith("ann-1, "), line -> assertThat(line)
                        .startsWith("bob-2, "));

        // the verdict is this run's, also where one before it offered the unit
        JetStreamQueue next = JetStreamQueue.create(link(), "deadly");
        coordinator.report(UnitResult.failed(unit(1).id(), "1", "died"));
        last.acknowledge();
        Delivery<UnitResult> verdict = Objects.requireNonNull(next.result(Duration.ofSeconds(5)), "a result");
        assertThat(verdict.content().failure()).isEqualTo("died");
        verdict.acknowledge();
        // one that is offered anew is another
        next.offer(List.of(unit(1)));
        taken(next).close();
        Delivery<Unit> anew = taken(next);
        assertThat(anew.begin("eve-5")).isEmpty();
        anew.acknowledge();
        next.remove();
        assertThat(coordinator.units()).isZero();
        coordinator.remove();
    }

    @Test
    void begin_afterTheServerWasKilled_countsNobodyWhoWaitedForIt(@TempDir Path own) throws Exception {
        try (NatsServer mortal = NatsServer.start(own);
                QueueLink healthy = QueueLink.open(mortal.options(FORGOTTEN), "test", line -> {});
                QueueLink other = QueueLink.open(mortal.options(FORGOTTEN), "test", line -> {})) {
            JetStreamQueue coordinator = JetStreamQueue.create(healthy, "mortal");
            coordinator.offer(List.of(unit(1)));
            Delivery<Unit> first = taken(coordinator);
            assertThat(first.begin("ann-1")).isEmpty();
            mortal.kill();
            mortal.start();
            JetStreamQueue worker = JetStreamQueue.join(other, "mortal");
            Delivery<Unit> again = null;
            for (int i = 0; i < 20 && again == null; i++) {
                again = worker.take(Duration.ofSeconds(1));
            }

            Delivery<Unit> second = Objects.requireNonNull(again, "a unit");
            assertThat(second.begin("bob-2")).isEmpty();
            first.acknowledge();
            second.acknowledge();
            assertThat(coordinator.units()).isZero();
        }
    }

    @Test
    void claim_ofAQueueThatHasACoordinator_isRefusedWithItsName() throws Exception {
        JetStreamQueue queue = JetStreamQueue.create(link(), "claimed");
        QueueLink other = link();
        try (Claim claim = Claim.take(link(), "claimed", "ann-1")) {
            assertThat(claim).isNotNull();
            assertThatThrownBy(() -> Claim.take(other, "claimed", "bob-2"))
                    .isInstanceOf(QueueException.class)
                    .hasMessage("queue: claimed is offered by ann-1 (expected: one coordinator of a study; "
                            + "further machines run prenoise study work)");
            assertThatThrownBy(() -> JetStreamQueue.drop(other, "claimed"))
                    .isInstanceOf(QueueException.class)
                    .hasMessage("queue: claimed is offered by ann-1 (expected: one whose coordinator has ended)");
            Claim.take(other, "claimed-not", "bob-2").close();
        }
        queue.offer(List.of(unit(1)));
        Claim.take(other, "claimed", "bob-2").close();
        JetStreamQueue.drop(other, "claimed");
        assertThat(JetStreamQueue.names(other)).doesNotContain("claimed");
        assertThatThrownBy(() -> JetStreamQueue.drop(other, "claimed"))
                .isInstanceOf(QueueException.class)
                .hasMessageStartingWith("queue-name: claimed (expected: ");
    }

    @Test
    void claim_byTwoAtOnce_isOnes() throws Exception {
        List<CompletableFuture<String>> both = new ArrayList<>();
        List<Claim> claims = Collections.synchronizedList(new ArrayList<>());
        for (String who : List.of("ann-1", "bob-2")) {
            QueueLink link = link();
            both.add(CompletableFuture.supplyAsync(() -> {
                try {
                    claims.add(Claim.take(link, "both", who));
                    return "";
                } catch (QueueException e) {
                    return String.valueOf(e.getMessage());
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        List<String> said = new ArrayList<>();
        for (CompletableFuture<String> each : both) {
            said.add(each.get(30, TimeUnit.SECONDS));
        }

        assertThat(claims).hasSize(1);
        assertThat(said).contains("").anySatisfy(line -> assertThat(line).startsWith("queue: both is offered by "));
    }

    @Test
    void take_andResult_whereTheServerLostItsDisk_makeTheQueueAgain() throws Exception {
        QueueLink link = link();
        JetStreamQueue queue = JetStreamQueue.create(link(), "disk");
        queue.offer(List.of(unit(1)));
        Objects.requireNonNull(queue.take(Duration.ofSeconds(5)), "a unit");
        lose(link, "disk");
        int looks = 0;
        for (long end = System.nanoTime() + Duration.ofSeconds(2).toNanos(); System.nanoTime() < end; looks++) {
            assertThat(queue.take(Duration.ofSeconds(1))).isNull();
        }
        assertThat(looks).as("in 2 s").isLessThanOrEqualTo(20);
        assertThat(queue.units()).isZero();
        queue.offer(List.of(unit(1)));
        assertThat(Objects.requireNonNull(queue.take(Duration.ofSeconds(10)), "a unit")
                        .content())
                .isEqualTo(unit(1));

        // one that has not asked yet
        JetStreamQueue fresh = JetStreamQueue.create(link(), "disk");
        lose(link, "disk");
        assertThat(fresh.result(Duration.ofMillis(200))).isNull();
        assertThat(fresh.take(Duration.ofMillis(200))).isNull();
        assertThat(JetStreamQueue.names(link)).contains("disk");
        lose(link, "disk");
        assertThatThrownBy(() -> JetStreamQueue.join(link(), "disk").take(Duration.ofMillis(200)))
                .as("a worker leaves it to the study")
                .isInstanceOf(QueueException.class);
    }

    private static void lose(QueueLink link, String name) throws Exception {
        link.management().deleteStream("prenoise-" + name + "-units");
        link.management().deleteStream("prenoise-" + name + "-results");
    }

    @Test
    void kill_ofTheServer_losesNothing_andIsWaitedFor(@TempDir Path own) throws Exception {
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        try (NatsServer mortal = NatsServer.start(own);
                QueueLink link = QueueLink.open(mortal.options(FORGOTTEN), "test", told::add)) {
            JetStreamQueue queue = JetStreamQueue.create(link, "mortal");
            queue.offer(List.of(unit(1), unit(2)));
            Delivery<Unit> first = Objects.requireNonNull(queue.take(Duration.ofSeconds(5)), "a unit");
            mortal.kill();
            CompletableFuture<Void> reporting = CompletableFuture.runAsync(
                    () -> queue.report(UnitResult.failed(first.content().id(), "1", "while it was away")));
            mortal.start();
            reporting.get(20, TimeUnit.SECONDS);

            UnitResult result = null;
            for (int i = 0; i < 20 && result == null; i++) {
                Delivery<UnitResult> delivery = queue.result(Duration.ofSeconds(1));
                result = delivery == null ? null : delivery.content();
            }
            assertThat(Objects.requireNonNull(result, "a result").failure()).isEqualTo("while it was away");
            assertThat(queue.units()).isEqualTo(2);
            assertThat(told)
                    .containsExactly(
                            "queue: " + mortal.url() + " is away; waiting for it, 20 s at most",
                            "queue: " + mortal.url() + " is back; going on");
        }
    }

    @Test
    void answer_whileTheServerStaysAway_endsWithItsAddress(@TempDir Path own) throws Exception {
        try (NatsServer mortal = NatsServer.start(own);
                QueueLink link = QueueLink.open(
                        mortal.options(FORGOTTEN).withPatience(Duration.ofSeconds(1), FORGOTTEN), "test", line -> {})) {
            JetStreamQueue queue = JetStreamQueue.create(link, "mortal");
            mortal.kill();

            assertThatThrownBy(() -> queue.report(UnitResult.failed("a", "1", "x")))
                    .isInstanceOf(QueueException.class)
                    .hasMessageContaining(mortal.url() + " was away for 1 s (expected: back by then");
        }
    }

    @Test
    void open_whereNobodyIs_namesTheAddress() {
        assertThatThrownBy(() -> QueueLink.open(QueueOptions.of("nats://127.0.0.1:9", Map.of()), "test", line -> {}))
                .isInstanceOf(QueueException.class)
                .hasMessage(
                        "queue: nobody answers at nats://127.0.0.1:9 (expected: a nats-server with JetStream, as nats-server -js starts it)");
    }

    @Test
    void open_withoutJetStream_saysSo(@TempDir Path own) throws Exception {
        try (NatsServer plain = NatsServer.start(own, "--name=plain")) {
            assertThatThrownBy(() -> QueueLink.open(plain.options(FORGOTTEN), "test", line -> {}))
                    .isInstanceOf(QueueException.class)
                    .hasMessageContaining(plain.url() + " has no JetStream (expected: nats-server -js");
        }
    }

    @Test
    void open_withWrongCredentials_saysSoWithoutThem(@TempDir Path own) throws Exception {
        try (NatsServer closed = NatsServer.start(own, "--jetstream", "--user=ann", "--pass=a:secret@1")) {
            String address = "127.0.0.1:" + closed.port();
            String wrong = "nats://ann:wrong-one@" + address;
            assertThatThrownBy(() -> QueueLink.open(QueueOptions.of(wrong, Map.of()), "test", line -> {}))
                    .isInstanceOf(QueueException.class)
                    .hasMessageStartingWith("queue: nats://" + address + " does not let this process in")
                    .hasMessageNotContaining("wrong-one");
            QueueOptions right = QueueOptions.of("nats://ann:a%3Asecret%401@" + address, Map.of());
            assertThat(right.toString()).isEqualTo("nats://" + address);
            QueueLink.open(right, "test", line -> {}).close();
            Map<String, String> environment =
                    Map.of("PRENOISE_QUEUE_USER", "ann", "PRENOISE_QUEUE_PASSWORD", "a:secret@1");
            QueueLink.open(QueueOptions.of("nats://" + address, environment), "test", line -> {})
                    .close();
        }
    }

    @Test
    void open_withAToken_works(@TempDir Path own) throws Exception {
        try (NatsServer closed = NatsServer.start(own, "--jetstream", "--auth=s3cr3t")) {
            String address = "127.0.0.1:" + closed.port();
            QueueLink.open(QueueOptions.of("nats://s3cr3t@" + address, Map.of()), "test", line -> {})
                    .close();
            QueueLink.open(
                            QueueOptions.of("nats://" + address, Map.of("PRENOISE_QUEUE_TOKEN", "s3cr3t")),
                            "test",
                            line -> {})
                    .close();
        }
    }

    @Test
    void open_overTls_trustsWhomItIsTold(@TempDir Path own) throws Exception {
        Path store = own.resolve("keys.p12");
        Path certificate = own.resolve("server.pem");
        Path key = own.resolve("server.key");
        String keytool = System.getProperty("java.home") + "/bin/keytool";
        run(
                keytool,
                "-genkeypair",
                "-alias",
                "s",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1",
                "-keystore",
                store.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                "changeit");
        run(
                keytool,
                "-exportcert",
                "-rfc",
                "-alias",
                "s",
                "-keystore",
                store.toString(),
                "-storepass",
                "changeit",
                "-file",
                certificate.toString());
        KeyStore keys = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
        byte[] bytes = keys.getKey("s", "changeit".toCharArray()).getEncoded();
        Files.writeString(
                Files.createFile(
                        key, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))),
                "-----BEGIN PRIVATE KEY-----\n"
                        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes)
                        + "\n-----END PRIVATE KEY-----\n");
        try (NatsServer closed =
                NatsServer.start(own, "--jetstream", "--tls", "--tlscert=" + certificate, "--tlskey=" + key)) {
            QueueOptions options = QueueOptions.of("tls://127.0.0.1:" + closed.port(), Map.of());
            assertThatThrownBy(() -> QueueLink.open(options, "test", line -> {}))
                    .isInstanceOf(QueueException.class)
                    .hasMessageContaining("whose certificate is trusted");
            QueueLink.open(options.with(null, certificate), "test", line -> {}).close();
        }
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }

    @Test
    void options_thatAreNoAddress_areRefusedWithoutTheirSecrets() {
        for (String wrong : List.of("http://host", "nats://user:hidden@", "host:4222", "nats://hidden@host:x/y")) {
            assertThatThrownBy(() -> QueueOptions.of(wrong, Map.of()))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("(expected: nats://HOST:4222 or tls://HOST:4222")
                    .hasMessageNotContaining("hidden");
        }
        for (String wrong : List.of(
                "user:hidden@host:4222",
                "hidden@host:4222",
                "hidden://x@host:4222",
                "nats://u:hidden",
                "nats://u:hidden,nats://u:x@host",
                "nats://u:hid,den@ho st",
                "nats://u:50%hidden@host",
                "nats://%hidden@host")) {
            assertThatThrownBy(() -> QueueOptions.of(wrong, Map.of()))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("queue: ")
                    .hasMessageContaining("(expected: ")
                    .hasMessageNotContaining("hid")
                    .hasNoCause();
        }
        assertThat(QueueOptions.of("nats://u:pass,word@host", Map.of()).password())
                .isEqualTo("pass,word");
        assertThat(QueueOptions.of("nats://u:p@[::1]:1,nats://[::2]:2", Map.of())
                        .servers())
                .containsExactly("nats://[::1]:1", "nats://[::2]:2");
        assertThat(QueueOptions.of("nats://a, tls://t@b:1", Map.of()).servers())
                .containsExactly("nats://a:4222", "tls://b:1");
    }
}
