package dev.prenoise.server.queue;

import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue;
import dev.prenoise.study.UnitResult;
import dev.prenoise.study.WorkerWord;
import io.nats.client.Dispatcher;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.ObjectStore;
import io.nats.client.PullSubscribeOptions;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.ObjectStoreConfiguration;
import io.nats.client.api.PublishAck;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.api.StreamInfoOptions;
import io.nats.client.impl.Headers;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queue of one study on a NATS server with JetStream (2.9 or newer): a stream of units and one of results, both with work-queue retention
 * and on the server's disk, and between them a subject on which workers say what they do, and their {@link Traces}.
 *
 * <p>Each unit has a subject of its own, and a subject holds one message at most: so one that waits or is being worked on is not put in again,
 * whoever offers it and whenever. (Message ids would do that for the minutes of a window only, and within the window they would swallow a
 * unit that is offered again because it failed.) What fits no message goes to an object store, and the message says where.
 *
 * <p>Thread-safe, but {@link #take} and {@link #result} are one thread's each.
 */
public final class JetStreamQueue implements UnitQueue {
    private static final Logger LOG = LoggerFactory.getLogger(JetStreamQueue.class);
    private static final String PREFIX = "prenoise-";
    private static final String UNITS = "-units";
    private static final String RESULTS = "-results";
    private static final String TRACES = "-traces";
    private static final String WORKERS = "workers";
    private static final String COORDINATOR = "coordinator";
    private static final String OBJECT = "Prenoise-Object";

    /** Which coordinator's offer a unit is; its result says it too. */
    private static final String RUN = "Prenoise-Run";

    /** In place of that: what is known the moment it is said, whoever offered the unit. */
    private static final String NOW = "now";

    /** A study that nobody asked about for so long is forgotten. Whoever goes on with it then offers what is missing. */
    private static final Duration KEPT = Duration.ofDays(30);

    /** As many units may be out at once: more workers than this get none. */
    private static final long OUT_AT_ONCE = 1000;

    /** Units on their way at once while they are offered. */
    private static final int WINDOW = 256;

    /** Results that come in one go. */
    private static final int BATCH = 64;

    /** Of a message that is no JetStream payload: subject, headers, framing. */
    private static final int OVERHEAD = 4096;

    /** What stands for a result whose object is not there. */
    private static final byte[] GONE = {};

    private static final int SUBJECT_IS_TAKEN = 10077;
    private static final Duration SHORTEST = Duration.ofMillis(20);
    private static final Duration LATE = Duration.ofMillis(500);
    private static final Duration PAUSE = Duration.ofMillis(200);

    /** What this version cannot read is not delivered again for so long. */
    private static final Duration OTHERS_FIRST = Duration.ofSeconds(5);

    private final QueueLink link;
    private final String name;
    private final boolean owner;
    private final Traces traces;
    private final String run = UUID.randomUUID().toString();
    private final Map<String, String> runs = new ConcurrentHashMap<>();
    private boolean toldOfForms;
    private @Nullable JetStreamSubscription units;
    private @Nullable JetStreamSubscription results;
    private final Deque<Message> fetched = new ArrayDeque<>();
    private @Nullable Dispatcher listening;

    private JetStreamQueue(QueueLink link, String name, boolean owner) {
        this.link = link;
        this.name = name;
        this.owner = owner;
        this.traces = new Traces(link, PREFIX + name + TRACES, "prenoise." + name + ".trace.");
    }

    /**
     * A study's queue, made when it is missing.
     *
     * @param link the caller's to close
     * @param name of the queue, see {@link #plain}
     */
    public static JetStreamQueue create(QueueLink link, String name) throws InterruptedException {
        JetStreamQueue queue = new JetStreamQueue(link, name, true);
        link.answer(queue::make);
        return queue;
    }

    /** A queue that is there, for a worker. */
    static JetStreamQueue join(QueueLink link, String name) {
        return new JetStreamQueue(link, name, false);
    }

    /**
     * Takes a queue off the server that nobody goes on with, and all that is in it.
     *
     * @throws QueueException when there is none of that name, or it has a coordinator
     */
    public static void drop(QueueLink link, String name) throws InterruptedException {
        List<String> names = names(link);
        if (!names.contains(name)) {
            throw new QueueException("queue-name: " + name + " (expected: "
                    + (names.isEmpty() ? "none is there" : "one of " + String.join(", ", names)) + ")");
        }
        String who = Claim.holder(link, name);
        if (who != null) {
            throw new QueueException(
                    "queue: " + name + " is offered by " + who + " (expected: one whose coordinator has ended)");
        }
        join(link, name).remove();
    }

    /** The names of the queues that a server has. */
    public static List<String> names(QueueLink link) throws InterruptedException {
        return link.answer(() -> link.management().getStreamNames()).stream()
                .filter(stream -> stream.startsWith(PREFIX) && stream.endsWith(UNITS))
                .map(stream -> stream.substring(PREFIX.length(), stream.length() - UNITS.length()))
                .sorted()
                .toList();
    }

    /** As a server takes it: of letters, digits, - and _. */
    public static String plain(String name) {
        String plain =
                name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_-]+", "-").replaceAll("^-+|-+$", "");
        return plain.isEmpty() ? "study" : plain;
    }

    private String unitSubject(String unit) {
        return "prenoise." + name + ".unit." + unit;
    }

    private String resultSubject(String unit) {
        return "prenoise." + name + ".result." + unit;
    }

    private String wordSubject() {
        return "prenoise." + name + ".word";
    }

    private boolean make() throws IOException, JetStreamApiException {
        makeStream(work(PREFIX + name + UNITS, unitSubject("*")));
        makeStream(work(PREFIX + name + RESULTS, resultSubject("*")));
        makeStream(traces.configuration(KEPT));
        makeConsumer(PREFIX + name + UNITS, WORKERS);
        makeConsumer(PREFIX + name + RESULTS, COORDINATOR);
        return true;
    }

    private static StreamConfiguration work(String stream, String subject) {
        return StreamConfiguration.builder()
                .name(stream)
                .subjects(subject)
                .retentionPolicy(RetentionPolicy.WorkQueue)
                .storageType(StorageType.File)
                .discardPolicy(DiscardPolicy.New)
                .maxMessagesPerSubject(1)
                .discardNewPerSubject(true)
                .maxAge(KEPT)
                .build();
    }

    private void makeStream(StreamConfiguration stream) throws IOException, JetStreamApiException {
        try {
            link.management().getStreamInfo(stream.getName());
        } catch (JetStreamApiException e) {
            if (!QueueLink.isMissing(e)) {
                throw e;
            }
            link.management().addStream(stream);
        }
    }

    private void makeConsumer(String stream, String consumer) throws IOException, JetStreamApiException {
        link.management()
                .addOrUpdateConsumer(
                        stream,
                        ConsumerConfiguration.builder()
                                .durable(consumer)
                                .ackPolicy(AckPolicy.Explicit)
                                .ackWait(link.options().forgotten())
                                .maxAckPending(OUT_AT_ONCE)
                                .build());
    }

    // ---- the coordinator's side ----

    @Override
    public void offer(Collection<Unit> offered) {
        List<CompletableFuture<PublishAck>> sent = new ArrayList<>();
        List<Unit> window = new ArrayList<>();
        for (Unit unit : offered) {
            window.add(unit);
            sent.add(link.stream().publishAsync(unitSubject(unit.id()), of(run), bytes(unit)));
            if (window.size() == WINDOW) {
                confirm(window, sent);
            }
        }
        confirm(window, sent);
    }

    private static Headers of(String run) {
        return new Headers().put(RUN, run);
    }

    private void confirm(List<Unit> window, List<CompletableFuture<PublishAck>> sent) {
        for (int i = 0; i < window.size(); i++) {
            Unit unit = window.get(i);
            try {
                sent.get(i).join();
            } catch (CompletionException e) {
                // one that is there already, or the server was away: asked again one by one, it says which
                publish(unitSubject(unit.id()), of(run), bytes(unit));
            }
        }
        window.clear();
        sent.clear();
    }

    private byte[] bytes(Unit unit) {
        byte[] bytes = unit.toJson().getBytes(StandardCharsets.UTF_8);
        if (bytes.length > link.connection().getMaxPayload() - OVERHEAD) {
            throw new QueueException("queue: the unit of \"" + unit.prompt().text() + "\" takes " + bytes.length
                    + " bytes (expected: less than the server's max_payload, "
                    + link.connection().getMaxPayload() + ")");
        }
        return bytes;
    }

    /** Whether it is new there. */
    private boolean publish(String subject, Headers headers, byte[] bytes) {
        return link.answerUninterrupted(() -> {
            try {
                link.stream().publish(subject, headers, bytes);
                return true;
            } catch (JetStreamApiException e) {
                if (e.getApiErrorCode() == SUBJECT_IS_TAKEN
                        && e.getErrorDescription().contains("per subject")) {
                    return false;
                }
                throw e;
            } catch (IOException e) {
                if (!hasStreams()) {
                    // one whose disk was lost; a worker leaves this to the study, which may have ended
                    if (!owner) {
                        throw new QueueEndedException(name);
                    }
                    make();
                }
                throw e;
            }
        });
    }

    private boolean hasStreams() throws IOException, JetStreamApiException {
        try {
            link.management().getStreamInfo(PREFIX + name + UNITS);
            link.management().getStreamInfo(PREFIX + name + RESULTS);
            return true;
        } catch (JetStreamApiException e) {
            if (QueueLink.isMissing(e)) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public long units() {
        return link.answerUninterrupted(() -> {
            make();
            return link.management()
                    .getStreamInfo(PREFIX + name + UNITS)
                    .getStreamState()
                    .getMsgCount();
        });
    }

    @Override
    public void retain(Set<String> wanted) {
        link.answerUninterrupted(() -> {
            make();
            String stream = PREFIX + name + UNITS;
            String all = unitSubject("*");
            Set<String> there = link.management()
                    .getStreamInfo(stream, StreamInfoOptions.filterSubjects(all))
                    .getStreamState()
                    .getSubjectMap()
                    .keySet();
            List<String> others = there.stream()
                    .filter(subject -> !wanted.contains(subject.substring(all.length() - 1)))
                    .toList();
            if (others.size() == there.size()) {
                link.management().purgeStream(stream);
                return true;
            }
            for (String subject : others) {
                delete(stream, subject);
            }
            return true;
        });
    }

    /** Message by message: servers such as Debian's 2.9 stop delivering others where one subject is purged. */
    private void delete(String stream, String subject) throws IOException, JetStreamApiException {
        try {
            long sequence = link.management().getLastMessage(stream, subject).getSeq();
            link.management().deleteMessage(stream, sequence, false);
        } catch (JetStreamApiException e) {
            // done meanwhile
            if (!QueueLink.isMissing(e)) {
                throw e;
            }
        }
    }

    @Override
    public void withdraw() {
        link.answerUninterrupted(() -> link.management().purgeStream(PREFIX + name + UNITS));
    }

    @Override
    public @Nullable Delivery<UnitResult> result(Duration patience) throws InterruptedException {
        Duration wait = patience;
        while (true) {
            link.requirePatience();
            if (fetched.isEmpty()) {
                fetch(wait);
            }
            Message message = fetched.poll();
            if (message == null) {
                return null;
            }
            Delivery<UnitResult> delivery = resultOf(message);
            if (delivery != null) {
                return delivery;
            }
            wait = Duration.ZERO;
        }
    }

    /** Null where there is nothing to learn from it; the unit is offered again where it is missing. */
    private @Nullable Delivery<UnitResult> resultOf(Message message) throws InterruptedException {
        String object = header(message, OBJECT);
        byte[] bytes = object.isEmpty() ? message.getData() : objectOf(object);
        if (bytes.length == 0) {
            // whoever wrote it died, or this was done before
            message.term();
            return null;
        }
        Runnable afterwards = object.isEmpty() ? null : () -> forget(object);
        UnitResult result;
        try {
            result = Objects.requireNonNull(UnitResult.ofJson(inflated(bytes)), "result");
            Objects.requireNonNull(result.unit(), "unit");
        } catch (RuntimeException e) {
            LOG.warn("queue: {}: a result is left out: {} (expected: of this version's form)", name, e.toString());
            message.term();
            if (afterwards != null) {
                afterwards.run();
            }
            return null;
        }
        Taken<UnitResult> taken = new Taken<>(message, result, null, afterwards);
        if (result.failure() != null && !List.of(run, NOW).contains(header(message, RUN))) {
            LOG.info(
                    "queue: {}: a unit that failed in a run before this one is tried again: {}",
                    name,
                    result.failure());
            taken.acknowledge();
            return null;
        }
        return taken;
    }

    /** All that is there, or the next one that comes. */
    private void fetch(Duration patience) throws InterruptedException {
        try {
            if (results == null) {
                results = link.answer(() -> subscribe(RESULTS, COORDINATOR));
            }
            results.pullNoWait(BATCH);
            // the last word on these is a status, which ends the wait
            for (Message message = results.nextMessage(LATE); message != null; message = results.nextMessage(LATE)) {
                fetched.add(message);
                if (fetched.size() == BATCH) {
                    return;
                }
            }
            if (fetched.isEmpty() && patience.compareTo(SHORTEST) > 0) {
                Message message = next(results, patience);
                if (message != null) {
                    fetched.add(message);
                }
            }
        } catch (IllegalStateException e) {
            LOG.debug("no results", e);
            results = null;
            Thread.sleep(PAUSE.toMillis());
        }
    }

    private byte[] objectOf(String object) throws InterruptedException {
        return link.answer(() -> {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try {
                link.connection().objectStore(PREFIX + name).get(object, out);
                return out.toByteArray();
            } catch (JetStreamApiException e) {
                if (QueueLink.isMissing(e)) {
                    return GONE;
                }
                throw e;
            } catch (IllegalArgumentException e) {
                // how the library says that there is no such object
                return GONE;
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("SHA-256: none (expected: in every Java)", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new QueueException("queue: interrupted", e);
            }
        });
    }

    private void forget(String object) {
        try {
            link.connection().objectStore(PREFIX + name).delete(object);
        } catch (IOException | JetStreamApiException | IllegalArgumentException e) {
            LOG.debug("{} stays until the study ends", object, e);
        }
    }

    @Override
    public void listen(Consumer<WorkerWord> listener) {
        listening = link.connection()
                .createDispatcher(message ->
                        listener.accept(WorkerWord.ofJson(new String(message.getData(), StandardCharsets.UTF_8))))
                .subscribe(wordSubject());
    }

    /** Takes the queue off the server, with what is in it. */
    public void remove() {
        link.answerUninterrupted(() -> {
            for (String stream : List.of(
                    PREFIX + name + UNITS, PREFIX + name + RESULTS, PREFIX + name + TRACES, "OBJ_" + PREFIX + name)) {
                try {
                    link.management().deleteStream(stream);
                } catch (JetStreamApiException e) {
                    if (!QueueLink.isMissing(e)) {
                        throw e;
                    }
                }
            }
            return true;
        });
    }

    // ---- the workers' side ----

    @Override
    public @Nullable Delivery<Unit> take(Duration patience) throws InterruptedException {
        link.requirePatience();
        try {
            if (units == null) {
                units = link.answer(() -> subscribe(UNITS, WORKERS));
            }
            Message message = next(units, patience.compareTo(SHORTEST) < 0 ? SHORTEST : patience);
            return message == null ? null : unitOf(message);
        } catch (IllegalStateException e) {
            LOG.debug("no unit", e);
            units = null;
            Thread.sleep(PAUSE.toMillis());
            return null;
        }
    }

    private @Nullable Delivery<Unit> unitOf(Message message) {
        try {
            Unit unit = Unit.ofJson(new String(message.getData(), StandardCharsets.UTF_8));
            runs.put(unit.id(), header(message, RUN));
            return new Taken<>(message, unit, unit.id(), null);
        } catch (IllegalArgumentException e) {
            message.nakWithDelay(OTHERS_FIRST);
            if (!toldOfForms) {
                toldOfForms = true;
                LOG.warn("queue: {}: a unit that another version offered is left to others: {}", name, e.getMessage());
            }
            return null;
        }
    }

    /** "" = none. */
    private static String header(Message message, String key) {
        String value = message.hasHeaders() ? message.getHeaders().getFirst(key) : null;
        return value == null ? "" : value;
    }

    private JetStreamSubscription subscribe(String stream, String consumer) throws IOException, JetStreamApiException {
        try {
            return bound(stream, consumer);
        } catch (JetStreamApiException e) {
            if (!owner || !QueueLink.isMissing(e)) {
                throw e;
            }
            LOG.debug("no stream, made again", e);
        } catch (IllegalArgumentException e) {
            // how the library says that there is no such consumer
            if (!owner) {
                throw new QueueException("queue: " + name + " has no consumer " + consumer, e);
            }
            LOG.debug("no consumer, made again", e);
        }
        // the server has lost its disk; what was in the streams is offered again by the study
        make();
        return bound(stream, consumer);
    }

    private JetStreamSubscription bound(String stream, String consumer) throws IOException, JetStreamApiException {
        return link.stream().subscribe(null, PullSubscribeOptions.bind(PREFIX + name + stream, consumer));
    }

    private static @Nullable Message next(JetStreamSubscription subscription, Duration patience)
            throws InterruptedException {
        long begin = System.nanoTime();
        subscription.pullExpiresIn(1, patience);
        Message message = subscription.nextMessage(patience.plus(LATE));
        Duration left = patience.minusNanos(System.nanoTime() - begin);
        if (message == null && left.compareTo(Duration.ZERO) > 0) {
            // a server that has lost the stream says so at once, however long one would wait
            Thread.sleep(Math.min(left.toMillis(), PAUSE.toMillis()));
        }
        return message;
    }

    @Override
    public void report(UnitResult result) {
        byte[] bytes = deflated(result.toJson());
        Headers headers = of(runs.getOrDefault(result.unit(), ""));
        if (bytes.length <= link.connection().getMaxPayload() - OVERHEAD) {
            publish(resultSubject(result.unit()), headers, bytes);
            runs.remove(result.unit());
            return;
        }
        String object = result.unit() + "-" + UUID.randomUUID();
        link.answerUninterrupted(() -> {
            put(object, bytes);
            return true;
        });
        if (!publish(resultSubject(result.unit()), headers.put(OBJECT, object), new byte[0])) {
            forget(object);
        }
        runs.remove(result.unit());
    }

    private void put(String object, byte[] bytes) throws IOException, JetStreamApiException {
        try {
            store().put(object, new ByteArrayInputStream(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("SHA-256: none (expected: in every Java)", e);
        }
    }

    private ObjectStore store() throws IOException, JetStreamApiException {
        link.connection()
                .objectStoreManagement()
                .create(ObjectStoreConfiguration.builder(PREFIX + name)
                        .storageType(StorageType.File)
                        .ttl(KEPT)
                        .build());
        return link.connection().objectStore(PREFIX + name);
    }

    @Override
    public void say(WorkerWord word) {
        try {
            link.connection().publish(wordSubject(), word.toJson().getBytes(StandardCharsets.UTF_8));
        } catch (IllegalStateException e) {
            LOG.debug("nobody heard {}", word, e);
        }
    }

    /** Gives back what it has fetched. The link stays open. */
    @Override
    public void close() {
        Dispatcher dispatcher = listening;
        if (link.isOpen()) {
            fetched.forEach(Message::nak);
            if (dispatcher != null) {
                link.connection().closeDispatcher(dispatcher);
            }
        }
        fetched.clear();
        listening = null;
    }

    private static byte[] deflated(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(text.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static String inflated(byte[] bytes) {
        try (GZIPInputStream gzip = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return new String(gzip.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A message that is this taker's. A word that does not arrive is made up for by the server, which delivers the message again. */
    private final class Taken<T> implements Delivery<T> {
        private final Message message;
        private final T content;

        /** The id of a unit; null = it is a result, which nobody begins. */
        private final @Nullable String unit;

        private final @Nullable Runnable afterwards;
        private boolean begun;
        private boolean over;

        Taken(Message message, T content, @Nullable String unit, @Nullable Runnable afterwards) {
            this.message = message;
            this.content = content;
            this.unit = unit;
            this.afterwards = afterwards;
        }

        @Override
        public T content() {
            return content;
        }

        @Override
        public List<String> begin(String worker) throws InterruptedException {
            String id = Objects.requireNonNull(unit, "unit");
            String offered = message.metaData().timestamp().toInstant().toString();
            // nobody had it before a first delivery
            List<String> lost = message.metaData().deliveredCount() > 1 ? traces.lost(id, offered) : List.of();
            if (!lost.isEmpty()) {
                runs.put(id, NOW);
            }
            synchronized (this) {
                if (!over) {
                    begun = true;
                    traces.leave(id, offered, worker);
                }
            }
            return lost;
        }

        @Override
        public synchronized void working() {
            if (!over) {
                message.inProgress();
            }
        }

        @Override
        public synchronized void acknowledge() {
            if (end()) {
                message.ack();
                if (afterwards != null) {
                    afterwards.run();
                }
            }
        }

        @Override
        public synchronized void giveBack(Duration delay) {
            if (end()) {
                message.nakWithDelay(delay);
            }
        }

        @Override
        public synchronized void close() {
            if (end()) {
                message.nak();
            }
        }

        /** Whether it was this taker's until now. The trace goes first, so that whoever gets the unit next does not find it. */
        private boolean end() {
            if (over) {
                return false;
            }
            over = true;
            if (begun) {
                traces.takeBack();
            }
            return true;
        }
    }
}
