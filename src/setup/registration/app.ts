import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { csrf } from "hono/csrf";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { Fault } from "../../fault.ts";
import type { Conversion } from "./convert.ts";
import { type Manifest, registrationUrl } from "./manifest.ts";
import { codePage, donePage, manifestPage, problemPage, style } from "./pages.ts";
import type { Session } from "./session.ts";

export interface RegistrationParts {
  session: Session;
  manifest: Manifest;
  /** Where people reach these pages: scheme, host, port. */
  origin: string;
  webUrl: string;
  /** Trades GitHub's code for the App, and keeps it. */
  finish(code: string): Promise<Conversion>;
  /** Told what failed while a page was made. */
  onProblem(error: unknown): void;
}

const cookie = "airlock-setup";

/** The pages of the one-click registration: code, manifest, and back from GitHub. They hold no secret and run no script. */
export function registrationApp({ session, manifest, origin, webUrl, finish, onProblem }: RegistrationParts): Hono {
  const app = new Hono();
  const isHttps = origin.startsWith("https:");

  app.use(async (context, next) => {
    // A name that was pointed at this machine by somebody else (DNS rebinding) gets nothing.
    if (context.req.header("host") !== new URL(origin).host) return context.text("Not here", 421);
    context.header("cache-control", "no-store");
    return next();
  });
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        formAction: ["'self'", webUrl],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
      // Not no-referrer: browsers then send `Origin: null` with forms, which the check below refuses.
      referrerPolicy: "strict-origin-when-cross-origin",
      strictTransportSecurity: false,
    }),
  );
  app.use(csrf({ origin }));
  app.use(bodyLimit({ maxSize: 4096 }));

  app.get("/style.css", (context) =>
    context.body(style, 200, { "content-type": "text/css; charset=utf-8", "cache-control": "max-age=3600" }),
  );
  app.get("/", (context) =>
    session.holds(getCookie(context, cookie)) ? context.redirect("/app") : context.html(codePage(false)),
  );

  app.post("/code", async (context) => {
    const { code } = await context.req.parseBody();
    const token = session.open(typeof code === "string" ? code : "");
    if (token === undefined) return context.html(codePage(true), 403);
    // Lax, because the way back from GitHub starts there.
    setCookie(context, cookie, token, { httpOnly: true, sameSite: "Lax", path: "/", secure: isHttps });
    return context.redirect("/app", 303);
  });

  app.get("/app", (context) => {
    if (!session.holds(getCookie(context, cookie))) return context.redirect("/");
    const organisation = context.req.query("organisation")?.trim() ?? "";
    const action = registrationUrl({ webUrl, organisation, state: session.mintState() });
    const own = registrationUrl({ webUrl, state: session.mintState() }) ?? "";
    return context.html(
      manifestPage({ action: action ?? own, manifest, organisation: action ? organisation : "", problem: action === undefined }),
      action ? 200 : 400,
    );
  });

  app.get("/registered", async (context) => {
    const { code, state } = context.req.query();
    // The state shows that this browser asked; the cookie, that it is the one that had the code.
    if (!session.holds(getCookie(context, cookie)) || !state || !code || !session.useState(state)) {
      return context.html(
        problemPage({
          message: "This is not the answer to a registration that was begun here",
          remedy: "Start again from the first page",
        }),
        403,
      );
    }
    const { slug, htmlUrl } = await finish(code);
    deleteCookie(context, cookie);
    // These pages end here: a connection kept open would keep the port from the App.
    context.header("connection", "close");
    const pageOfApp = htmlUrl.startsWith(`${webUrl}/`) ? htmlUrl : `${webUrl}/apps/${slug}`;
    return context.html(donePage({ slug, installUrl: `${pageOfApp}/installations/new` }));
  });

  app.notFound((context) => context.text("Not found", 404));
  app.onError((error, context) => {
    if (error instanceof HTTPException) return error.getResponse();
    onProblem(error);
    const told = error instanceof Fault ? error : { message: "Airlock failed", remedy: "The terminal says more" };
    return context.html(problemPage(told), 502);
  });
  return app;
}
