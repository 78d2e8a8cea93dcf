// Questions to the server that the page came from (viz/kit/server.py): JSON there, JSON back.

const channel = {
  // A promise of what the server's function for the path returned; an Error with its reason where it refused.
  async ask(path, data = null) {
    let response;
    try {
      const headers = { "Content-Type": "application/json" };
      response = await fetch(path, { method: "POST", body: JSON.stringify(data), headers });
    } catch {
      throw new Error("The program that serves this page does not answer: does it still run?");
    }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  },

  // Ask again and again, `ms` after each answer. `callback(answer, error)` gets null for one of the two; `data` is what
  // to send, or a function that returns it. While the page is hidden it waits. Returns a function that ends it.
  every(ms, path, callback, data = null) {
    let over = false;
    let pause = ms;
    const turn = async () => {
      if (over) return;
      if (!document.hidden) {
        let [answer, error] = [null, null];
        try {
          answer = await channel.ask(path, typeof data === "function" ? data() : data);
        } catch (reason) {
          error = reason;
        }
        pause = error ? Math.min(2 * pause, 10000) : ms; // a server that has gone is asked less and less often
        if (!over) callback(answer, error);
      }
      setTimeout(turn, pause);
    };
    turn();
    return () => {
      over = true;
    };
  },
};
