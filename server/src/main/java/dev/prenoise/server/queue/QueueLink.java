package dev.prenoise.server.queue;

import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Dispatcher;
import io.nats.client.ErrorListener;
import io.nats.client.JetStream;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to the queue's server that outlives the server's restarts: what is asked while it is away is asked again until it is back, for
 * as long as the options' patience. Thread-safe.
 */
public final class QueueLink implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(QueueLink.class);
    private static final Duration CONNECTING = Duration.ofSeconds(5);
    private static final Duration RECONNECTING = Duration.ofMillis(500);
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    /** So much later at most than another does a process find a server that is back. */
    private static final Duration FINDING = Duration.ofSeconds(2);

    /** Of a busy machine; of one that is gone the server knows at once. */
    private static final Duration ANSWERING = Duration.ofSeconds(5);

    /** Of the server's answers: JetStream is not there, for nobody or for this account. */
    private static final int NOT_ENABLED = 10076;

    private static final int NOT_ENABLED_FOR_ACCOUNT = 10039;
    private static final int STREAM_NOT_FOUND = 10059;

    private final QueueOptions options;
    private final Consumer<String> told;
    private final Connection connection;
    private final JetStream stream;
    private final JetStreamManagement management;
    private final String presence = UUID.randomUUID().toString();
    private @Nullable Dispatcher answering;
    private long awaySince;
    private boolean away;
    private volatile boolean closed;

    /** What the server is asked. */
    @FunctionalInterface
    interface Question<T> {
        T ask() throws IOException, JetStreamApiException;
    }

    private QueueLink(QueueOptions options, String name, Consumer<String> told) throws InterruptedException {
        this.options = options;
        this.told = told;
        try {
            connection = Nats.connect(connecting(name));
        } catch (AuthenticationException e) {
            throw new QueueException(refused(options), e);
        } catch (IOException e) {
            String why = String.valueOf(e.getMessage());
            if (why.toLowerCase(Locale.ROOT).contains("authorization violation")) {
                throw new QueueException(refused(options), e);
            }
            throw new QueueException(
                    "queue: nobody answers at " + options.address()
                            + " (expected: a nats-server with JetStream, as nats-server -js starts it"
                            + (options.address().startsWith("tls:") ? ", whose certificate is trusted; " + why : "")
                            + ")",
                    e);
        }
        try {
            stream = connection.jetStream();
            management = connection.jetStreamManagement();
        } catch (IOException e) {
            throw new QueueException("queue: " + options.address() + ": " + e.getMessage(), e);
        }
    }

    /**
     * @param name by which the server's lists have this process
     * @param told what happens to the connection, a line each
     * @throws QueueException when nobody answers, the credentials are wrong, or there is no JetStream
     */
    public static QueueLink open(QueueOptions options, String name, Consumer<String> told) throws InterruptedException {
        QueueLink link = new QueueLink(options, name, told);
        try {
            link.management.getAccountStatistics();
            return link;
        } catch (JetStreamApiException e) {
            link.close();
            throw link.failed(e);
        } catch (IOException e) {
            link.close();
            throw new QueueException(
                    "queue: " + options.address()
                            + " has no JetStream (expected: nats-server -js, or jetstream in its configuration)",
                    e);
        }
    }

    private static String refused(QueueOptions options) {
        return "queue: " + options.address()
                + " does not let this process in (expected: the credentials that it knows, by "
                + "nats://USER:PASSWORD@..., nats://TOKEN@..., PRENOISE_QUEUE_USER and PRENOISE_QUEUE_PASSWORD, PRENOISE_QUEUE_TOKEN, or --queue-creds)";
    }

    private Options connecting(String name) {
        Options.Builder builder = new Options.Builder()
                .servers(options.servers().toArray(new String[0]))
                .connectionName(name)
                .connectionTimeout(CONNECTING)
                .maxReconnects(-1)
                .reconnectWait(RECONNECTING)
                .connectionListener(this::changed)
                .errorListener(new Quiet());
        if (!options.user().isEmpty()) {
            builder.userInfo(options.user(), options.password());
        } else if (!options.token().isEmpty()) {
            builder.token(options.token().toCharArray());
        }
        Path credentials = options.credentials();
        if (credentials != null) {
            if (!Files.isReadable(credentials)) {
                throw new QueueException("queue-creds: " + credentials + " (expected: a file that can be read)");
            }
            builder.authHandler(Nats.credentials(credentials.toString()));
        }
        Path authority = options.authority();
        if (authority != null) {
            builder.sslContext(trusting(authority));
        }
        return builder.build();
    }

    private static SSLContext trusting(Path authority) {
        try (InputStream in = Files.newInputStream(authority)) {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            int number = 0;
            for (Certificate certificate :
                    CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("authority" + number++, certificate);
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (IOException | GeneralSecurityException e) {
            throw new QueueException("queue-ca: " + authority + " (expected: certificates in PEM; " + e + ")", e);
        }
    }

    private void changed(Connection which, ConnectionListener.Events event) {
        switch (event) {
            case DISCONNECTED -> {
                if (lost()) {
                    told.accept("queue: " + options.address() + " is away; waiting for it, "
                            + options.patience().toSeconds() + " s at most");
                }
            }
            case RECONNECTED -> {
                if (found()) {
                    told.accept("queue: " + options.address() + " is back; going on");
                }
            }
            default -> LOG.debug("{}: {}", options.address(), event);
        }
    }

    private synchronized boolean lost() {
        if (away || closed) {
            return false;
        }
        away = true;
        awaySince = System.nanoTime();
        return true;
    }

    private synchronized boolean found() {
        boolean was = away;
        away = false;
        return was;
    }

    /**
     * @throws QueueException when the server was away for too long
     */
    synchronized void requirePatience() {
        if (away && System.nanoTime() - awaySince > options.patience().toNanos()) {
            throw new QueueException(
                    "queue: " + options.address() + " was away for "
                            + options.patience().toSeconds()
                            + " s (expected: back by then; what is done is kept, start again when it is, or give it longer with --queue-patience)");
        }
    }

    /**
     * The answer, however often it takes to ask.
     *
     * @throws QueueException when there was none for too long, or what is asked cannot be had
     */
    <T> T answer(Question<T> question) throws InterruptedException {
        long begin = System.nanoTime();
        while (true) {
            Exception trouble;
            try {
                return question.ask();
            } catch (JetStreamApiException e) {
                // what is wrong with the question stays wrong; what the server lacks now it may have later
                if (e.getErrorCode() < 500) {
                    throw failed(e);
                }
                trouble = e;
            } catch (IOException | IllegalStateException e) {
                trouble = e;
            }
            if (closed) {
                throw new QueueException("queue: closed", trouble);
            }
            requirePatience();
            if (System.nanoTime() - begin > options.patience().toNanos()) {
                throw new QueueException(
                        "queue: " + options.address() + ": " + trouble.getMessage() + " (expected: an answer in "
                                + options.patience().toSeconds() + " s; what is done is kept)",
                        trouble);
            }
            LOG.debug("asked again: {}", trouble.toString());
            TimeUnit.NANOSECONDS.sleep(RECONNECTING.toNanos());
        }
    }

    /** For callers whose own callers do not expect an interrupt. */
    <T> T answerUninterrupted(Question<T> question) {
        try {
            return answer(question);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new QueueException("queue: interrupted", e);
        }
    }

    QueueException failed(JetStreamApiException e) {
        int code = e.getApiErrorCode();
        if (code == NOT_ENABLED || code == NOT_ENABLED_FOR_ACCOUNT) {
            return new QueueException(
                    "queue: " + options.address() + " has no JetStream"
                            + (code == NOT_ENABLED_FOR_ACCOUNT ? " for this account" : "")
                            + " (expected: nats-server -js, or jetstream in its configuration)",
                    e);
        }
        return new QueueException("queue: " + options.address() + ": " + e.getErrorDescription(), e);
    }

    static boolean isMissing(JetStreamApiException e) {
        return e.getApiErrorCode() == STREAM_NOT_FOUND || e.getErrorCode() == 404;
    }

    /** By which {@link #isThere} finds this process as long as it is connected. */
    synchronized String presence() {
        if (answering == null) {
            answering = connection
                    .createDispatcher(question -> {
                        String asker = question.getReplyTo();
                        if (asker != null) {
                            connection.publish(asker, new byte[0]);
                        }
                    })
                    .subscribe(presenceSubject(presence));
        }
        return presence;
    }

    /**
     * Whether a process is connected, now or in a moment: one that waited for the server as this one did may find it a little later.
     *
     * @param whose what it calls its {@link #presence}
     * @throws QueueException when the server was away for too long
     */
    boolean isThere(String whose) throws InterruptedException {
        while (true) {
            requirePatience();
            if (answers(whose)) {
                return true;
            }
            TimeUnit.NANOSECONDS.sleep(FINDING.toNanos());
            if (answers(whose)) {
                return true;
            }
            // who is not reached itself knows nothing of others
            if (answers(presence())) {
                return false;
            }
        }
    }

    private boolean answers(String whose) throws InterruptedException {
        return connection.request(presenceSubject(whose), new byte[0], ANSWERING) != null;
    }

    private static String presenceSubject(String presence) {
        return "prenoise.presence." + presence;
    }

    Connection connection() {
        return connection;
    }

    JetStream stream() {
        return stream;
    }

    JetStreamManagement management() {
        return management;
    }

    QueueOptions options() {
        return options;
    }

    boolean isOpen() {
        return !closed && connection.getStatus() != Connection.Status.CLOSED;
    }

    /** Sends what was said before. */
    @Override
    public void close() {
        closed = true;
        flush();
        try {
            connection.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until what was said is on its way, for a process that is about to end. */
    public void flush() {
        try {
            if (connection.getStatus() == Connection.Status.CONNECTED) {
                connection.flush(LAST_WORDS);
            }
        } catch (TimeoutException e) {
            LOG.debug("last words were not heard", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What goes wrong is met where something is asked; the library's own lines have stack traces and addresses. */
    private static final class Quiet implements ErrorListener {
        @Override
        public void errorOccurred(Connection connection, String error) {
            LOG.debug("{}", error);
        }

        @Override
        public void exceptionOccurred(Connection connection, @Nullable Exception e) {
            LOG.debug("{}", String.valueOf(e));
        }
    }
}
