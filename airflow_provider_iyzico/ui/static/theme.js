// Light or dark, as Airflow is. Airflow keeps the reader's choice in this origin's storage. On paper everything is light.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let isOnPaper = false;
  const apply = () => {
    let choice = null;
    try {
      choice = localStorage.getItem("theme");
    } catch {
      // storage may be forbidden; then the system decides
    }
    const isDark = !isOnPaper && (choice === "dark" || (choice !== "light" && system.matches));
    document.documentElement.classList.toggle("dark", isDark);
    dispatchEvent(new Event("theme"));
  };
  apply();
  const printing = (is) => () => {
    isOnPaper = is;
    apply();
  };
  addEventListener("beforeprint", printing(true));
  addEventListener("afterprint", printing(false));
  addEventListener("storage", apply);
  system.addEventListener("change", apply);
})();
