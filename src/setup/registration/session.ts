import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";

/** Who may register: whoever sees the terminal. One code opens one browser; one state serves one way to GitHub and back. */
export interface Session {
  /** The browser's token where the code is right; the code is used up with it. Wrong ones lead to a new code. */
  open(code: string): string | undefined;
  holds(token: string | undefined): boolean;
  /** A new state, 128 bits in hex. Those before it stay good: a person may have two tabs. */
  mintState(): string;
  /** Whether the state is one of ours, the first time; never again. */
  useState(state: string): boolean;
}

/** No letters or digits that are read as others. 32 of them, so eight are 40 bits. */
const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const guessLimit = 5;
const stateLimit = 20;

/** `onCode`: told each code ("ABCD-EFGH"), to print it where only the operator sees it. */
export function openSession(onCode: (code: string) => void): Session {
  let code = "";
  let guesses = 0;
  let token: string | undefined;
  const states: string[] = [];

  const renew = () => {
    const letters = Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)]).join("");
    code = `${letters.slice(0, 4)}-${letters.slice(4)}`;
    guesses = 0;
    onCode(code);
  };
  renew();

  return {
    open(given) {
      if (code === "") return undefined;
      if (!same(normalise(given), normalise(code))) {
        guesses += 1;
        if (guesses >= guessLimit) renew();
        return undefined;
      }
      token = randomBytes(32).toString("hex");
      code = "";
      return token;
    },
    holds: (given) => token !== undefined && given !== undefined && same(given, token),
    mintState() {
      const state = randomBytes(16).toString("hex");
      states.push(state);
      if (states.length > stateLimit) states.shift();
      return state;
    },
    useState(given) {
      const at = states.findIndex((state) => same(state, given));
      if (at < 0) return false;
      states.splice(at, 1);
      return true;
    },
  };
}

function normalise(code: string): string {
  return code.toUpperCase().replace(/[^A-Z2-9]/g, "");
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
