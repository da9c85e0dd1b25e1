// Asks a gate about images over HTTPS: dotnet run -- https://HOST:PORT CERTIFICATES IMAGE...
// Needs .NET 8 or newer and nothing else; the gate runs with --https. For many images a second use gRPC, as docs/node does.
// Exit codes as those of `cxrgate run`: 0 every image may be released, 1 some may not, 2 wrong usage, 3 some have no answer.
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;

const int Attempts = 4;
if (args.Length < 3)
{
    Console.Error.WriteLine("usage: dotnet run -- https://HOST:PORT CERTIFICATES IMAGE...");
    return 2;
}
using var gate = Open(args[0], args[1]);
foreach (var image in args[2..])
    File.Delete(Outgoing(image)); // what an earlier call released may be kept back now
bool allReleased = true, allAnswered = true;
for (var number = 1; number <= args.Length - 2; number++)
{
    var image = args[number + 1];
    string decision;
    try
    {
        decision = await CheckAsync(gate, image, number);
    }
    catch (Exception error) when (error is HttpRequestException or IOException or JsonException or TaskCanceledException)
    {
        decision = $"no answer: {error.Message}"; // an error never releases
        allAnswered = false;
    }
    var released = decision == "ANONYMOUS";
    allReleased &= released;
    Console.WriteLine($"{image} {(released ? "release" : "keep back")} {decision}");
}
return !allAnswered ? 3 : allReleased ? 0 : 1;

// The decision on one image; the judged pixels of a released one are written beside it, and these may go out.
static async Task<string> CheckAsync(HttpClient gate, string image, int number)
{
    File.Delete(Outgoing(image)); // where an image is named twice
    // The gate's names have 1 to 128 characters, each one of A-Z a-z 0-9 . _ -; the number keeps them apart.
    var cleaned = Regex.Replace(Path.GetFileName(image), "[^A-Za-z0-9._-]", "_");
    var name = $"{number}-{cleaned[Math.Max(0, cleaned.Length - 100)..]}";
    var content = await File.ReadAllBytesAsync(image);
    using var answer = await SendAsync(gate, $"v1/check?return_image=true&image_id={name}", content);
    using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
    if (answer.StatusCode != HttpStatusCode.OK)
    {
        var why = $"{Text(body, "code")} {Text(body, "reason")}: {Text(body, "message")}";
        throw new HttpRequestException($"{(int)answer.StatusCode} {why}");
    }
    if (Text(body, "image_id") != name)
        throw new HttpRequestException("the gate answered about another image");
    var decision = Text(body, "decision");
    if (decision == "ANONYMOUS") // only this one word releases an image
    {
        var partial = $"{Outgoing(image)}.partial";
        await File.WriteAllBytesAsync(partial, Convert.FromBase64String(Text(body, "image")));
        File.Move(partial, Outgoing(image), overwrite: true); // whole or not there
    }
    return decision;
}

// What may go out of an image that is released.
static string Outgoing(string image) => $"{image}.released.png";

static string Text(JsonDocument body, string name) =>
    body.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : throw new JsonException($"the gate's answer has no {name}");

// Tries again where the gate is away or busy, after the time that it names.
static async Task<HttpResponseMessage> SendAsync(HttpClient gate, string path, byte[] content)
{
    for (var attempt = 1; ; attempt++)
    {
        var delay = TimeSpan.FromSeconds(1 << (attempt - 1));
        try
        {
            var image = new ByteArrayContent(content);
            image.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            var answer = await gate.PostAsync(path, image);
            var told = answer.Headers.RetryAfter?.Delta;
            var busy = answer.StatusCode == HttpStatusCode.ServiceUnavailable
                || (answer.StatusCode == HttpStatusCode.TooManyRequests && told is not null);
            if (!busy || attempt == Attempts)
                return answer;
            delay = told ?? delay;
            answer.Dispose();
        }
        catch (HttpRequestException) when (attempt < Attempts)
        {
        }
        await Task.Delay(delay);
    }
}

// The caller's certificate and key, and the one authority it trusts: tls.crt, tls.key and ca.crt.
static HttpClient Open(string address, string folder)
{
    var authority = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(folder, "ca.crt")));
    using var pem = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "tls.crt"), Path.Combine(folder, "tls.key"));
    var own = new X509Certificate2(pem.Export(X509ContentType.Pfx)); // Windows cannot use a key that is in memory alone
    var handler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(10) };
    handler.SslOptions.ClientCertificates = new X509CertificateCollection { own };
    handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { authority },
        RevocationMode = X509RevocationMode.NoCheck,
    };
    return new HttpClient(handler) { BaseAddress = new Uri(address + "/"), Timeout = TimeSpan.FromSeconds(40) };
}
