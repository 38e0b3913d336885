// In the language that Airflow has: Airflow keeps the reader's choice in this origin's storage, and the server knows the browser's only.
(() => {
  const { lang: shown, dataset } = document.documentElement;
  const apply = () => {
    let choice = null;
    try {
      choice = localStorage.getItem("i18nextLng");
    } catch {
      // storage may be forbidden; then the browser's language stays
    }
    const language = choice?.toLowerCase().split("-")[0];
    const asked = new URLSearchParams(location.search);
    if (language === shown || language === asked.get("lang") || !dataset.languages.split(" ").includes(language)) return;
    asked.set("lang", language);
    location.replace(`?${asked}`);
  };
  apply();
  addEventListener("storage", apply);
})();
