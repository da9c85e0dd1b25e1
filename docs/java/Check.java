// Asks a gate about images over HTTPS: java Check.java https://HOST:PORT CERTIFICATES IMAGE...
// Needs JDK 17 or newer and nothing else; the gate runs with --https. For many images a second use gRPC, as docs/node does.
// Exit codes as those of `cxrgate run`: 0 every image may be released, 1 some may not, 2 wrong usage, 3 some have no answer.
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public final class Check {
    private static final int ATTEMPTS = 4;
    private static final Duration LIMIT = Duration.ofSeconds(40); // the gate gives up after 30

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 3) {
            System.err.println("usage: java Check.java https://HOST:PORT CERTIFICATES IMAGE...");
            System.exit(2);
        }
        HttpClient gate = HttpClient.newBuilder()
                .sslContext(identity(Path.of(arguments[1])))
                .proxy(HttpClient.Builder.NO_PROXY)
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(10))
                .build();
        for (int number = 2; number < arguments.length; number++) { // what an earlier call released may be kept back now
            Files.deleteIfExists(outgoing(Path.of(arguments[number])));
        }
        boolean allReleased = true;
        boolean allAnswered = true;
        for (int number = 2; number < arguments.length; number++) {
            Path image = Path.of(arguments[number]);
            String decision;
            try {
                decision = check(gate, arguments[0], image, number - 1);
            } catch (IOException error) { // an error never releases
                decision = "no answer: " + error.getMessage();
                allAnswered = false;
            }
            boolean released = decision.equals("ANONYMOUS");
            allReleased &= released;
            System.out.println(image + (released ? " release " : " keep back ") + decision);
        }
        System.exit(!allAnswered ? 3 : allReleased ? 0 : 1);
    }

    /** The decision on one image; the judged pixels of a released one are written beside it, and these may go out. */
    private static String check(HttpClient gate, String address, Path image, int number)
            throws IOException, InterruptedException {
        Files.deleteIfExists(outgoing(image)); // where an image is named twice
        // The gate's names have 1 to 128 characters, each one of A-Z a-z 0-9 . _ -; the number keeps them apart.
        String cleaned = image.getFileName().toString().replaceAll("[^A-Za-z0-9._-]", "_");
        String name = number + "-" + cleaned.substring(Math.max(0, cleaned.length() - 100));
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + "/v1/check?return_image=true&image_id=" + name))
                .header("Content-Type", "application/octet-stream")
                .timeout(LIMIT)
                .POST(BodyPublishers.ofByteArray(Files.readAllBytes(image)))
                .build();
        HttpResponse<String> answer = send(gate, request);
        if (answer.statusCode() != 200) {
            throw new IOException(answer.statusCode() + " " + field(answer.body(), "code") + " "
                    + field(answer.body(), "reason") + ": " + message(answer.body()));
        }
        if (!field(answer.body(), "image_id").equals(name)) {
            throw new IOException("the gate answered about another image");
        }
        String decision = field(answer.body(), "decision");
        if (!decision.equals("ANONYMOUS")) { // only this one word releases an image
            return decision;
        }
        byte[] judged = Base64.getDecoder().decode(field(answer.body(), "image"));
        Path partial = Path.of(outgoing(image) + ".partial");
        Files.write(partial, judged);
        Files.move(partial, outgoing(image), StandardCopyOption.ATOMIC_MOVE); // whole or not there
        return decision;
    }

    /** What may go out of an image that is released. */
    private static Path outgoing(Path image) {
        return Path.of(image + ".released.png");
    }

    /** Tries again where the gate is away or busy, after the time that it names. */
    private static HttpResponse<String> send(HttpClient gate, HttpRequest request)
            throws IOException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            long seconds = 1L << (attempt - 1);
            try {
                HttpResponse<String> answer = gate.send(request, BodyHandlers.ofString());
                boolean busy = answer.statusCode() == 503
                        || (answer.statusCode() == 429 && answer.headers().firstValue("Retry-After").isPresent());
                if (!busy || attempt == ATTEMPTS) {
                    return answer;
                }
                seconds = answer.headers().firstValueAsLong("Retry-After").orElse(seconds);
            } catch (IOException error) {
                if (attempt == ATTEMPTS) {
                    throw error;
                }
            }
            Thread.sleep(1000 * seconds);
        }
    }

    /** A text of the answer. The ones asked for hold letters, digits and + / = _ . - alone; read others with a JSON library. */
    private static String field(String json, String name) throws IOException {
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([A-Za-z0-9+/=_.-]+)\"").matcher(json);
        if (!found.find()) {
            throw new IOException("the gate's answer has no " + name);
        }
        return found.group(1);
    }

    /** The gate's own sentence on what is wrong and what to do; "" where there is none. */
    private static String message(String json) {
        Matcher found = Pattern.compile("\"message\"\\s*:\\s*\"((?:[^\"\\\\]++|\\\\.)*+)\"").matcher(json);
        return found.find() ? found.group(1).replaceAll("\\\\(.)", "$1") : "";
    }

    /** The caller's certificate and key, and the authority it trusts: tls.crt, tls.key (PKCS 8) and ca.crt. */
    private static SSLContext identity(Path folder) throws Exception {
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        Certificate[] chain = certificates
                .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(folder.resolve("tls.crt"))))
                .toArray(Certificate[]::new);
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry("gate", key(folder.resolve("tls.key"), chain[0].getPublicKey().getAlgorithm()), new char[0], chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, new char[0]);

        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("authority", certificates.generateCertificate(
                new ByteArrayInputStream(Files.readAllBytes(folder.resolve("ca.crt")))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);

        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static PrivateKey key(Path file, String algorithm) throws Exception {
        String text = Files.readString(file).replaceAll("-----[A-Z ]+-----", "");
        byte[] content = Base64.getMimeDecoder().decode(text);
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(content));
    }
}
