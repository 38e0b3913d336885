// Light or dark, as Airflow is. Airflow keeps the reader's choice in this origin's storage. On paper everything is light.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (event) => {
    let choice = null;
    try {
      choice = localStorage.getItem("theme");
    } catch {
      // storage may be forbidden; then the system decides
    }
    const isOnScreen = event?.type !== "beforeprint";
    const isDark = isOnScreen && (choice === "dark" || (choice !== "light" && system.matches));
    document.documentElement.classList.toggle("dark", isDark);
    dispatchEvent(new Event("theme"));
  };
  apply();
  for (const change of ["storage", "beforeprint", "afterprint"]) addEventListener(change, apply);
  system.addEventListener("change", apply);
})();
